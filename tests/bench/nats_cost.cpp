// What NATS' text protocol costs for each message: cutting a PUB, writing a MSG, and spelling a
// subject as a topic and a topic as a subject.
//
// Prints nanoseconds for each. It asserts nothing.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "bridge/nats_encoder.hpp"
#include "bridge/nats_parser.hpp"
#include "bridge/topic_subject.hpp"

namespace {

using namespace drawbridge;
using namespace drawbridge::bridge;

constexpr int rounds = 500;
constexpr int tries = 40;        // the quickest counts
constexpr int operations = 200;  // of one read
constexpr std::size_t payload_max = 1'048'576;

std::size_t seen = 0;  // so that nothing is left out

template <class Work>
void measure(const std::string& what, int operations_per_round, Work work) {
    std::chrono::duration<double, std::nano> best = std::chrono::hours(1);
    for (int i = 0; i < tries; ++i) {
        const auto begin = std::chrono::steady_clock::now();
        for (int round = 0; round < rounds; ++round) work();
        best = std::min<decltype(best)>(best, std::chrono::steady_clock::now() - begin);
    }
    fmt::print("{:44} {:6.1f} ns\n", what, best.count() / rounds / operations_per_round);
}

void measure_cut(const std::string& what, const std::string& operation) {
    std::string text;
    for (int i = 0; i < operations; ++i) text += operation;
    measure("cut " + what, operations, [&] {
        Bytes input = as_bytes(text);
        Operation cut;
        while (cut_operation(input, payload_max, cut) == OperationCut::complete) {
            seen += cut.subject.size() + cut.payload.size();
            input = input.subspan(cut.size);
        }
    });
}

void measure_message(const std::string& what, const NatsMessage& message) {
    Buffer out;
    measure("write " + what, operations, [&] {
        for (int i = 0; i < operations; ++i) append_message(out, message, "17");
        seen += out.size();
        out.shrink_to(0);
    });
}

void measure_names(const std::string& what, const std::string& topic, const std::string& subject) {
    std::string name;
    measure("topic of " + what, operations, [&] {
        for (int i = 0; i < operations; ++i)
            seen += topic_of_subject(subject, name) == Spelling::none ? 0 : name.size();
    });
    measure("subject of " + what, operations, [&] {
        for (int i = 0; i < operations; ++i)
            seen += subject_of_topic(topic, name) ? name.size() : 0;
    });
}

}  // namespace

int main() {
    const std::string payload(128, 'x');
    measure_cut("PUB, subject of 5 bytes", "PUB a.b.c 128\r\n" + payload + "\r\n");
    measure_cut("PUB, line of 40 bytes",
                "PUB devices.d7b1c0e2.telemetry.full 128\r\n" + payload + "\r\n");
    measure_cut("PUB with reply",
                "PUB devices.d7b1c0e2.commands _INBOX.Vh8k2LmQx0aBcDeFgHiJkL.17 128\r\n" + payload +
                    "\r\n");
    measure_cut("PING", "PING\r\n");
    measure_cut("SUB", "SUB devices.d7b1c0e2.telemetry.full 17\r\n");

    NatsMessage message{"devices.d7b1c0e2.telemetry.full", "", {}, as_bytes(payload)};
    measure_message("MSG", message);
    message.reply = "_INBOX.Vh8k2LmQx0aBcDeFgHiJkL.17";
    measure_message("MSG with reply", message);
    message.header = as_bytes("NATS/1.0\r\nNmqtt-Pub:1\r\n\r\n");
    measure_message("HMSG with reply", message);

    measure_names("31 bytes", "devices/d7b1c0e2/telemetry/full", "devices.d7b1c0e2.telemetry.full");
    measure_names("20 bytes with a dot", "spBv1.0/grp/NBIRTH/n", "spBv1//0.grp.NBIRTH.n");
    return seen == 0 ? 1 : 0;
}
