// Operations, cut out of what a NATS client sends.
// Method: lines and transcripts of the protocol in, operations or a refusal out. A conversation is
// also cut with only its first bytes there, for every number of them.
#include "bridge/nats_parser.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "tests/support/exact_bytes.hpp"

using namespace drawbridge;
using namespace drawbridge::bridge;
using namespace std::string_literals;

namespace {

constexpr std::size_t payload_max = 1'048'576;

OperationCut cut(const std::string& input, Operation& operation) {
    return cut_operation(as_bytes(input), payload_max, operation);
}

OperationCut cut(const std::string& input) {
    Operation operation;
    return cut(input, operation);
}

// The first operation of input in one line: its type, then what it has.
std::string told(const Operation& operation) {
    static constexpr const char* names[] = {"none", "connect", "info", "ok",  "ping",
                                            "pong", "pub",     "hpub", "sub", "unsub"};
    std::string text = names[static_cast<std::size_t>(operation.type)];
    const auto add = [&](const char* name, std::string_view value) {
        if (!value.empty()) text.append(" ").append(name).append("=").append(value);
    };
    add("json", operation.json);
    add("subject", operation.subject);
    add("reply", operation.reply);
    add("queue", operation.queue);
    add("sid", operation.sid);
    add("header", as_text(operation.header));
    add("payload", as_text(operation.payload));
    if (operation.max != 0) add("max", std::to_string(operation.max));
    return text;
}

std::string told(const std::string& input) {
    Operation operation;
    if (cut(input, operation) != OperationCut::complete) return "refused";
    CHECK(operation.size == input.size());
    return told(operation);
}

// What a connection makes of a conversation that comes in pieces of so many bytes.
struct Read {
    std::vector<std::string> operations;
    OperationCut end = OperationCut::incomplete;

    friend bool operator==(const Read&, const Read&) = default;
};

Read read(const std::string& whole, std::size_t piece_bytes) {
    Read read;
    std::string waiting;
    for (std::size_t at = 0; at < whole.size(); at += piece_bytes) {
        waiting += whole.substr(at, piece_bytes);
        for (;;) {
            const test::ExactBytes input(as_bytes(waiting));
            Operation operation;
            read.end = cut_operation(input.bytes(), payload_max, operation);
            if (read.end == OperationCut::incomplete) {
                CHECK((operation.size == 0 || operation.size > waiting.size()));
                break;
            }
            if (read.end != OperationCut::complete) return read;
            REQUIRE(operation.size > 0);
            REQUIRE(operation.size <= waiting.size());
            read.operations.push_back(told(operation));
            waiting.erase(0, operation.size);
        }
    }
    return read;
}

}  // namespace

TEST_CASE("each operation of a client", "[bridge][nats]") {
    CHECK(told("PING\r\n") == "ping");
    CHECK(told("PONG\r\n") == "pong");
    CHECK(told("CONNECT {\"a\": 1}\r\n") == "connect json={\"a\": 1}");
    CHECK(told("SUB a 1\r\n") == "sub subject=a sid=1");
    CHECK(told("SUB a.> q1 7\r\n") == "sub subject=a.> queue=q1 sid=7");
    CHECK(told("UNSUB 1\r\n") == "unsub sid=1");
    CHECK(told("UNSUB 1 5\r\n") == "unsub sid=1 max=5");
    CHECK(told("PUB a 5\r\nhello\r\n") == "pub subject=a payload=hello");
    CHECK(told("PUB a rep 1\r\nx\r\n") == "pub subject=a reply=rep payload=x");
    CHECK(told("PUB a 0\r\n\r\n") == "pub subject=a");
    CHECK(told("HPUB a 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nhi\r\n") ==
          "hpub subject=a header=NATS/1.0\r\nA: b\r\n\r\n payload=hi");
    CHECK(told("HPUB a r.x 18 18\r\nNATS/1.0\r\nA: b\r\n\r\n\r\n") ==
          "hpub subject=a reply=r.x header=NATS/1.0\r\nA: b\r\n\r\n");
    CHECK(told("HPUB a 0 2\r\nhi\r\n") == "hpub subject=a payload=hi");
    CHECK(told("+OK\r\n") == "ok");
    CHECK(told("INFO {}\r\n") == "info json={}");
}

TEST_CASE("an operation's name is in any case", "[bridge][nats]") {
    CHECK(told("ping\r\n") == "ping");
    CHECK(told("pInG\r\n") == "ping");
    CHECK(told("pub a 1\r\nx\r\n") == "pub subject=a payload=x");
    CHECK(told("hPuB a 0 1\r\nx\r\n") == "hpub subject=a payload=x");
    CHECK(told("connect {}\r\n") == "connect json={}");
    CHECK(told("+ok\r\n") == "ok");
    CHECK(cut("pubs a 1\r\n") == OperationCut::unknown_operation);
}

TEST_CASE("any blanks part the arguments", "[bridge][nats]") {
    CHECK(told("SUB \t a\t\tq   1 \t\r\n") == "sub subject=a queue=q sid=1");
    CHECK(told("PUB\ta\t1\r\nx\r\n") == "pub subject=a payload=x");
    CHECK(told("CONNECT  \t{} \r\n") == "connect json={} ");
    CHECK(cut("SUB\va 1\r\n") == OperationCut::unknown_operation);
    // What is no blank is part of a word.
    CHECK(told("SUB a\fb\x01 1\r\n") == "sub subject=a\fb\x01 sid=1");
}

TEST_CASE("a line may end in LF alone, a payload may not", "[bridge][nats]") {
    CHECK(told("PING\n") == "ping");
    CHECK(told("SUB a 1\n") == "sub subject=a sid=1");
    CHECK(told("PUB a 1\nx\r\n") == "pub subject=a payload=x");
    CHECK(told("CONNECT {}\n") == "connect json={}");
    CHECK(cut("PUB a 1\r\nx\n") == OperationCut::unknown_operation);
    CHECK(cut("PUB a 1\r\nx\r\r") == OperationCut::unknown_operation);
}

TEST_CASE("PING and PONG may be followed by anything", "[bridge][nats]") {
    CHECK(told("PING a b c\r\n") == "ping");
    CHECK(told("PONGxyz\r\n") == "pong");
    CHECK(cut("PIN\r\n") == OperationCut::unknown_operation);
}

TEST_CASE("what is no operation of a client is refused", "[bridge][nats]") {
    for (const char* line : {"FOO\r\n",
                             "\r\n",
                             "\n",
                             " PING\r\n",
                             "SUB\r\n",
                             "UNSUB\r\n",
                             "PUB\r\n",
                             "HPUB\r\n",
                             "CONNECT\r\n",
                             "CONNECT{}\r\n",
                             "INFO\r\n",
                             "MSG a 1 1\r\nx\r\n",
                             "HMSG a 1 1 1\r\nx\r\n",
                             "RS+ a\r\n",
                             "RMSG a\r\n",
                             "A+ a\r\n",
                             "LS+ a\r\n",
                             "-ERR 'x'\r\n",
                             "SUBS a 1\r\n",
                             "GET / HTTP/1.1\r\n",
                             "\x16\x03\x01",
                             "PUBL"}) {
        CHECK(cut(line) == OperationCut::unknown_operation);
        CHECK(error_text(cut(line)) == "Unknown Protocol Operation");
    }
    CHECK(cut("\0"s) == OperationCut::unknown_operation);
}

TEST_CASE("a wrong number of arguments closes the connection", "[bridge][nats]") {
    for (const char* line :
         {"SUB a\r\n", "SUB \r\n", "SUB a b c d\r\n", "UNSUB \r\n", "UNSUB 1 2 3\r\n", "PUB a\r\n",
          "PUB \r\n", "PUB 1\r\n", "PUB a b c 1\r\n", "PUB a b c d e 1\r\n", "HPUB a 1\r\n",
          "HPUB 1 1\r\n", "HPUB a b c 1 1\r\n", "HPUB a b c d e f 1 1\r\n"}) {
        CHECK(cut(line) == OperationCut::bad_arguments);
        CHECK(error_text(cut(line)).empty());
    }
}

TEST_CASE("a size is one to nine digits", "[bridge][nats]") {
    CHECK(told("PUB a 05\r\nhello\r\n") == "pub subject=a payload=hello");
    CHECK(told("PUB a 000000005\r\nhello\r\n") == "pub subject=a payload=hello");
    for (const char* size : {"abc", "-1", "+1", "1x", "x1", "0x1", "1.0", "0000000005",
                             "9999999999", "4294967296", "18446744073709551616"}) {
        CHECK(cut("PUB a "s + size + "\r\n") == OperationCut::bad_arguments);
        CHECK(cut("HPUB a 0 "s + size + "\r\n") == OperationCut::bad_arguments);
        CHECK(cut("HPUB a "s + size + " 9\r\n") == OperationCut::bad_arguments);
    }
}

TEST_CASE("a header is no longer than the whole", "[bridge][nats]") {
    CHECK(cut("HPUB a 3 3\r\nabc\r\n") == OperationCut::complete);
    CHECK(cut("HPUB a 4 3\r\nabcd\r\n") == OperationCut::bad_arguments);
}

TEST_CASE("UNSUB removes now what it does not understand", "[bridge][nats]") {
    CHECK(told("UNSUB 1 0\r\n") == "unsub sid=1");
    CHECK(told("UNSUB 1 x\r\n") == "unsub sid=1");
    CHECK(told("UNSUB 1 5x\r\n") == "unsub sid=1");
    CHECK(told("UNSUB 1 -5\r\n") == "unsub sid=1");
    CHECK(told("UNSUB 1 9999999999\r\n") == "unsub sid=1");
    CHECK(told("UNSUB 1 999999999\r\n") == "unsub sid=1 max=999999999");
}

TEST_CASE("a payload that is too large is refused before it comes", "[bridge][nats]") {
    CHECK(cut("PUB a 1048577\r\n") == OperationCut::payload_too_large);
    CHECK(cut("HPUB a 12 1048577\r\n") == OperationCut::payload_too_large);
    CHECK(error_text(OperationCut::payload_too_large) == "Maximum Payload Violation");
    CHECK(cut("PUB a 1048576\r\n") == OperationCut::incomplete);
    CHECK(cut("PUB a 1048576\r\n" + std::string(payload_max, 'x') + "\r\n") ==
          OperationCut::complete);
}

TEST_CASE("an incomplete operation tells what is known of it", "[bridge][nats]") {
    Operation operation;
    CHECK(cut("PU", operation) == OperationCut::incomplete);
    CHECK(operation.type == OperationType::none);
    CHECK(operation.size == 0);
    CHECK(cut("PUB a", operation) == OperationCut::incomplete);
    CHECK(operation.type == OperationType::pub);
    CHECK(operation.size == 0);
    CHECK(cut("PUB a 1000\r\n", operation) == OperationCut::incomplete);
    CHECK(operation.size == 12 + 1000 + 2);
    CHECK(cut("HPUB a 12 1000\r\nNATS/1.0", operation) == OperationCut::incomplete);
    CHECK(operation.type == OperationType::hpub);
    CHECK(operation.size == 16 + 1000 + 2);
}

TEST_CASE("CR LF follows a payload, and its lack is seen at once", "[bridge][nats]") {
    CHECK(cut("PUB a 1\r\nxyPING\r\n") == OperationCut::unknown_operation);
    CHECK(cut("PUB a 1\r\nxy") == OperationCut::unknown_operation);
    CHECK(cut("PUB a 1\r\nx") == OperationCut::incomplete);
    CHECK(cut("PUB a 1\r\nx\r") == OperationCut::incomplete);
    CHECK(cut("PUB a 1\r\nx\r\n") == OperationCut::complete);
    CHECK(told("PUB a 6\r\na\r\nb\r\n\r\n") == "pub subject=a payload=a\r\nb\r\n");
}

TEST_CASE("a line's arguments have 4096 bytes at most", "[bridge][nats]") {
    const auto of = [](std::size_t size) { return std::string(size, 'a'); };
    for (const char* end : {"\r\n", "\n", "  \r\n"}) {
        const std::string blanks(std::string(end).starts_with(' ') ? 2 : 0, ' ');
        const auto line = [&](std::size_t size) {
            return "SUB   " + of(size - blanks.size()) + " 1" + end;
        };
        CHECK(cut(line(4'094)) == OperationCut::complete);
        CHECK(cut(line(4'095)) == OperationCut::line_too_long);
    }
    CHECK(cut("CONNECT " + of(4'096) + "\r\n") == OperationCut::complete);
    CHECK(cut("CONNECT " + of(4'097) + "\r\n") == OperationCut::line_too_long);
    CHECK(cut("PING" + of(5'000) + "\r\n") == OperationCut::line_too_long);
    CHECK(error_text(OperationCut::line_too_long) == "maximum control line exceeded");
}

TEST_CASE("a line that is too long is refused before it ends", "[bridge][nats]") {
    const auto of = [](std::size_t size, char c = 'a') { return std::string(size, c); };
    for (const char* name : {"SUB ", "PUB ", "CONNECT ", "PING ", "INFO "}) {
        CHECK(cut(name + of(4'096)) == OperationCut::incomplete);
        CHECK(cut(name + of(4'096) + "\r") == OperationCut::incomplete);
        CHECK(cut(name + of(4'097)) == OperationCut::line_too_long);
        CHECK(cut(name + of(4'096) + "\rx") == OperationCut::line_too_long);
        CHECK(cut(name + of(4'000, ' ')) == OperationCut::incomplete);
        CHECK(cut(name + of(4'200, ' ')) == OperationCut::line_too_long);
    }
}

TEST_CASE("a conversation is the same in pieces of any size", "[bridge][nats]") {
    const std::string header = "NATS/1.0\r\nA: b\r\n\r\n";
    const std::string conversations[] = {
        "CONNECT {\"verbose\":false}\r\nPING\r\nSUB a 1\r\nPUB a 5\r\nhello\r\nPING\r\n",
        "SUB a q1 1\r\nPUB a rep 1\r\nx\r\nPING\r\n",
        "SUB a 1\r\nHPUB a 18 20\r\n" + header + "hi\r\nHPUB a r.x 18 20\r\n" + header + "hi\r\n",
        "SUB _INBOX.x.* 7\r\nPUB nobody _INBOX.x.33 0\r\n\r\nUNSUB 7 3\r\nunsub 7\n",
        "SUB > 1\r\nPUB foo.* 1\r\nx\r\nPUB foo..bar 1\r\nx\r\nPUB .a 1\r\nx\r\n",
        "PUB a 12\r\nPING\r\nPING\r\n\r\nPONG\r\n",
        "PING and more\r\n+OK\r\nINFO {}\r\nPING\r\n",
        "PING\r\nPUB a 1\r\nxyPING\r\n",
        "PING\r\nFOO\r\nPING\r\n",
        "PING\r\nSUB\r\n",
        "PING\r\nUNSUB 1 2 3\r\n",
        "PING\r\nPUB a 1048577\r\n",
        "PING\r\nSUB \r \r\n",
        "PING\r\nSUB " + std::string(4'095, 'a') + " 1\r\n",
        "PING\r\nPUB" + std::string(4'097, ' ') + "a 1\r\nx\r\n",
        "PING\r\nPUB" + std::string(4'096, ' ') + "a 1\r\nx\r\n",
    };
    for (const std::string& conversation : conversations) {
        const Read whole = read(conversation, conversation.size());
        CHECK(whole.operations.size() >= 1);
        for (std::size_t piece_bytes = 1; piece_bytes < conversation.size();
             piece_bytes += 1 + piece_bytes / 64)
            CHECK(read(conversation, piece_bytes) == whole);
    }
}

TEST_CASE("every byte from 0 to 255 may stand first, and nothing is read past", "[bridge][nats]") {
    for (int byte = 0; byte < 256; ++byte) {
        for (const char* rest : {"", "UB a 1", "ING\r\n", " \t\r\n"}) {
            const std::string text = static_cast<char>(byte) + std::string(rest);
            const test::ExactBytes input(as_bytes(text));
            Operation operation;
            const OperationCut result = cut_operation(input.bytes(), payload_max, operation);
            if (result == OperationCut::complete) CHECK(operation.size <= text.size());
        }
    }
}
