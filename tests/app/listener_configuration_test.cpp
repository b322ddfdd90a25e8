// What a [[listener]] may say: its transport, and what WebSocket adds.
// Method: text in, values or the one mistake out.
#include <catch2/catch.hpp>

#include "broker/app/configuration.hpp"

namespace drawbridge::app {
namespace {

Configuration parse(std::string_view text) { return parse_configuration(text, "dir/test.toml"); }

ListenerConfiguration listener(const std::string& keys) {
    return parse("[[listener]]\n" + keys).listeners.at(0);
}

// The one mistake in the keys of a listener; empty if there is none.
std::string mistake(const std::string& keys) {
    try {
        listener(keys);
    } catch (const ConfigurationError& error) {
        REQUIRE(error.mistakes().size() == 1);
        return error.mistakes().front();
    }
    return {};
}

using Catch::Contains;

TEST_CASE("a listener gets the name and port of its transport", "[app][configuration]") {
    const auto [transport, name, port, tls, websocket] =
        GENERATE(table<const char*, const char*, int, bool, bool>({
            {"tcp", "mqtt", 1883, false, false},
            {"tls", "mqtts", 8883, true, false},
            {"ws", "ws", 8083, false, true},
            {"wss", "wss", 8084, true, true},
        }));
    const ListenerConfiguration made = listener("transport = \"" + std::string(transport) + "\"\n");
    CHECK(made.name == name);
    CHECK(made.port == port);
    CHECK(has_tls(made.transport) == tls);
    CHECK(has_websocket(made.transport) == websocket);
    CHECK(made.path == "/mqtt");
    CHECK(made.origins.empty());
}

TEST_CASE("a transport that does not exist is refused with those that do", "[app][configuration]") {
    CHECK_THAT(mistake("transport = \"udp\"\n"),
               Contains("must be \"tcp\" or \"tls\" or \"ws\" or \"wss\", not \"udp\""));
}

TEST_CASE("the path of WebSocket begins with a slash, or is empty for any",
          "[app][configuration][ws]") {
    const std::string ws = "transport = \"ws\"\npath = ";
    CHECK(listener(ws + "\"/a/b\"\n").path == "/a/b");
    CHECK(listener(ws + "\"\"\n").path.empty());
    CHECK_THAT(mistake(ws + "\"mqtt\"\n"), Contains("path must be a path such as \"/mqtt\""));
    CHECK_THAT(mistake(ws + "\"/mqtt?a=b\"\n"), Contains("not \"/mqtt?a=b\""));
    CHECK_THAT(mistake(ws + "1\n"), Contains("not 1"));
}

TEST_CASE("origins are kept in their normal spelling; what is none is refused",
          "[app][configuration][ws]") {
    const std::string ws = "transport = \"wss\"\norigins = ";
    CHECK(
        listener(ws + "[\"https://Panel.Example.com:443\", \"http://localhost:8080\"]\n").origins ==
        std::vector<std::string>{"https://panel.example.com", "http://localhost:8080"});
    CHECK(listener(ws + "[]\n").origins.empty());
    CHECK_THAT(mistake(ws + "[\"https://a.example/\"]\n"),
               Contains("dir/test.toml:3: [[listener]] origins must hold origins such as"));
    CHECK_THAT(mistake(ws + "[\"a.example\"]\n"), Contains("not \"a.example\""));
    CHECK_THAT(mistake(ws + "[\"*\"]\n"), Contains("not \"*\""));
    CHECK_THAT(mistake(ws + "[7]\n"), Contains("not 7"));
    CHECK_THAT(mistake(ws + "\"https://a.example\"\n"), Contains("must be a list such as"));
}

TEST_CASE("origins on a listener without WebSocket would guard nothing, and are refused",
          "[app][configuration][ws]") {
    CHECK_THAT(mistake("transport = \"tls\"\norigins = [\"https://a.example\"]\n"),
               Contains("has origins but no WebSocket"));
    CHECK(mistake("transport = \"tls\"\norigins = []\n").empty());
}

TEST_CASE("a certificate goes with wss as with tls, and not with ws", "[app][configuration][ws]") {
    const std::string files = "certificate = \"a\"\nprivate_key = \"b\"\n";
    CHECK(mistake("transport = \"wss\"\n" + files).empty());
    CHECK_THAT(mistake("transport = \"ws\"\n" + files), Contains("has a certificate but no TLS"));
}

TEST_CASE("WebSocket listeners that are written as TOML read back to the same",
          "[app][configuration][ws]") {
    const Configuration configuration = parse(
        "[[listener]]\ntransport = \"ws\"\npath = \"/x\"\n"
        "origins = [\"https://a.example\", \"null\"]\n[[listener]]\n");
    const std::string written = write_toml(configuration);
    INFO(written);
    const Configuration read = parse(written);
    CHECK(write_toml(read) == written);
    CHECK(read.listeners[0].transport == Transport::ws);
    CHECK(read.listeners[0].origins == configuration.listeners[0].origins);
    CHECK(read.listeners[0].path == "/x");
}

TEST_CASE("rules for client certificates need TLS, and a CA that issues them",
          "[app][configuration][tls]") {
    const std::string tls = "transport = \"tls\"\n";
    const std::string ca = "client_ca = \"ca.pem\"\n";
    CHECK(listener(tls).client_ca.empty());
    CHECK(listener(tls).psk);
    CHECK(listener(tls + ca + "client_crl = \"revoked.pem\"\n").client_crl == "dir/revoked.pem");
    CHECK(listener("transport = \"wss\"\n" + ca).client_ca == "dir/ca.pem");
    CHECK_THAT(mistake(ca), Contains("has a client_ca but no TLS"));
    CHECK_THAT(mistake("transport = \"ws\"\n" + ca), Contains("has a client_ca but no TLS"));
    CHECK_THAT(mistake(tls + "client_crl = \"revoked.pem\"\n"), Contains("no client_ca"));
    CHECK_THAT(mistake(tls + "client_certificate = \"required\"\n"), Contains("no client_ca"));
    CHECK_THAT(mistake(tls + ca + "client_identity = \"email\"\n"),
               Contains("must be \"common_name\" or \"san_uri\", not \"email\""));
}

}  // namespace
}  // namespace drawbridge::app
