#include "tests/crash/crash_run.hpp"

#include <fmt/format.h>
#include <signal.h>

#include <array>
#include <fstream>

#include "tests/crash/power_cut.hpp"

namespace drawbridge::crash {
namespace {

constexpr Moment ready_within = 30 * second;
constexpr Moment finished_within = 60 * second;
constexpr Moment quiet_for = 3 * second;  // nothing more comes, though it should
// Longer than a delayed will and a brief session take, with a second to spare.
constexpr Moment timed_for = 3'800 * millisecond;

constexpr std::array promises = {
    "lost",           "duplicates at QoS 2", "misordered",           "lost retained",
    "stale retained", "lost subscriptions",  "zombie subscriptions", "lost sessions"};

}  // namespace

CrashRun::CrashRun(const Plan& plan, const BrokerUnderTest& broker, std::filesystem::path directory)
    : plan_(plan),
      chance_(plan.seed),
      record_(all_characters().size() + 1, stdout),
      crowd_(record_, plan.seed),
      broker_(broker, std::move(directory)) {}

bool CrashRun::run() {
    trace_.open(broker_.packets());
    for (const auto& client : crowd_.clients) {
        client->write_to(trace_);
        client->key = broker_.add_device(client->character().id);
    }
    crowd_.reader.key = broker_.add_device(record_.names.back());
    if (plan_.cuts_power) make_durable(broker_.data(), broker_.shadow());

    start();
    live_for(Mode::load, 300 * millisecond);
    while (!over_ && record_.counts.kills < plan_.kills) {
        one_kill();
        const bool is_last = record_.counts.kills >= plan_.kills;
        if (!over_ && (is_last || record_.counts.kills % plan_.kills_each == 0)) judge_all();
    }
    if (!over_) {
        kill(SIGTERM);
        start();
        judge_what_was_published();
    }
    if (broker_.is_running()) broker_.end(SIGTERM);
    print_summary();
    return record_.counts.broken.empty();
}

void CrashRun::tell(const std::string& event) {
    record_.tell(event);
    trace_.event(record_.now(), event);
}

void CrashRun::start() {
    static constexpr std::array shards = {1u, 2u, 4u};
    const unsigned threads = shards[chance_() % shards.size()];
    if (broker_.is_running()) return;
    broker_.start(threads, chance_());
    crowd_.broker_started();
    tell(fmt::format("started with {} threads", threads));
}

void CrashRun::kill(int signal) {
    if (plan_.signal == 0) {
        tell("connections cut off");
        return crowd_.lose_connections();
    }
    tell(fmt::format("signal {}", signal));
    broker_.end(signal);
    crowd_.see_it_gone();
    if (!plan_.cuts_power || signal != SIGKILL) return;
    cut_power(broker_.data(), broker_.shadow(), chance_());
    make_durable(broker_.data(), broker_.shadow());
}

void CrashRun::live_for(Mode mode, Moment duration) {
    live_until(mode, duration, [] { return false; });
}

template <class Condition>
bool CrashRun::live_until(Mode mode, Moment within, Condition condition) {
    const Moment end = record_.now() + within;
    while (!over_ && !condition()) {
        if (record_.now() > end) return false;
        crowd_.live(mode, broker_.port());
        if (!broker_.has_died()) continue;
        std::string last;
        std::ifstream log(broker_.log());
        for (std::string line; std::getline(log, line);) last = line;
        record_.complain("broker ended by itself", last);
        over_ = true;
    }
    return !over_;
}

// One in six comes before the broker has well begun.
void CrashRun::one_kill() {
    const auto within = [this](Moment longest) {
        return static_cast<Moment>(chance_() % static_cast<std::uint64_t>(longest));
    };
    if (chance_() % 6 == 0) {
        live_for(Mode::load, within(60 * millisecond));
    } else {
        const std::size_t most = crowd_.clients.size() / 2;
        if (!live_until(Mode::load, ready_within, [&] { return crowd_.connected() >= most; })) {
            record_.complain("broker is not there", "half of the clients are not connected");
            over_ = true;
            return;
        }
        live_for(Mode::load, within(400 * millisecond));
    }
    if (over_) return;
    kill(plan_.signal);
    ++record_.counts.kills;
    start();
}

// Everything that is under way is finished, also what takes its time.
void CrashRun::judge_all() {
    live_for(Mode::load, 100 * millisecond);
    for (const auto& client : crowd_.clients)
        if (client->is_timed()) client->send_away();
    live_for(Mode::load, 20 * millisecond);
    kill(plan_.signal);
    start();
    live_for(Mode::drain, timed_for);
    finish(Mode::drain);
    for (const auto& client : crowd_.clients) {
        client->claim_will();
        client->call_back();
    }
    judge_what_was_published();
}

// And, by probes, whether each subscription is there; and what is retained.
void CrashRun::judge_what_was_published() {
    for (const Mode mode : {Mode::drain, Mode::probe}) {
        finish(mode);
        std::size_t missing = record_.gather_missing();
        while (missing > 0 && !over_) {
            const bool came =
                live_until(mode, quiet_for, [&] { return record_.forget_what_came() < missing; });
            if (!came) break;
            missing = record_.forget_what_came();
        }
        record_.judge_missing();
    }
    live_for(Mode::drain, 100 * millisecond);  // what should not come
    const unsigned readings = crowd_.reader.readings() + 2;
    if (!live_until(Mode::drain, ready_within,
                    [&] { return crowd_.reader.readings() >= readings; }) &&
        !over_)
        record_.complain("lost retained", "a newcomer cannot read what is retained");
    if (record_.counts.broken.empty()) trace_.begin_again();
}

void CrashRun::finish(Mode mode) {
    live_for(mode, 20 * millisecond);
    if (live_until(mode, finished_within, [&] { return crowd_.what_is_under_way().empty(); }))
        return;
    if (!over_) record_.complain("unanswered", crowd_.what_is_under_way());
}

void CrashRun::print_summary() const {
    const Counts& counts = record_.counts;
    std::string text = fmt::format(
        "crash: seed {}: {} kills, {} messages acknowledged, {} delivered, {} retained read",
        plan_.seed, counts.kills, counts.acknowledged, counts.delivered, counts.retained_read);
    auto rest = counts.broken;
    for (const char* const promise : promises) {
        text += fmt::format(", {} {}", rest[promise], promise);
        rest.erase(promise);
    }
    for (const auto& [promise, number] : rest) text += fmt::format(", {} {}", number, promise);
    fmt::print("{}\n", text);
}

}  // namespace drawbridge::crash
