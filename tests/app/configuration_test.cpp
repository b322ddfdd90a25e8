// The configuration file: what is read, what is refused and with which words, what is written.
// Method: text in, values or mistakes out; one test reads real files in a temporary directory.
#include "broker/app/configuration.hpp"

#include <stdlib.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>

namespace drawbridge::app {
namespace {

using namespace std::chrono_literals;

Configuration parse(std::string_view text) { return parse_configuration(text, "dir/test.toml"); }

std::vector<std::string> mistakes_in(std::string_view text) {
    try {
        parse(text);
    } catch (const ConfigurationError& error) {
        return error.mistakes();
    }
    return {};
}

// The one mistake in a text; fails if there are none or several.
std::string mistake_in(std::string_view text) {
    const std::vector<std::string> mistakes = mistakes_in(text);
    REQUIRE(mistakes.size() == 1);
    return mistakes.front();
}

TEST_CASE("without a file there are plain MQTT on 1883 and TLS on 8883", "[app][configuration]") {
    const Configuration configuration = load_configuration("");
    REQUIRE(configuration.listeners.size() == 2);
    CHECK(configuration.listeners[0].name == "mqtt");
    CHECK(configuration.listeners[0].transport == Transport::tcp);
    CHECK(configuration.listeners[0].bind == "0.0.0.0");
    CHECK(configuration.listeners[0].port == 1883);
    CHECK(configuration.listeners[1].name == "mqtts");
    CHECK(configuration.listeners[1].transport == Transport::tls);
    CHECK(configuration.listeners[1].port == 8883);
    CHECK(configuration.warnings.empty());
}

TEST_CASE("an empty file means the defaults", "[app][configuration]") {
    CHECK(write_toml(parse("")) == write_toml(default_configuration()));
    CHECK(write_toml(parse("# nothing but a comment\n")) == write_toml(default_configuration()));
}

TEST_CASE("the defaults are the documented ones", "[app][configuration]") {
    const Configuration configuration = default_configuration();
    CHECK_FALSE(configuration.auth.allow_anonymous);
    CHECK(configuration.auth.anonymous_profile == "open");
    CHECK(configuration.auth.duplicate_client_id == AuthConfiguration::Duplicate::reject);
    CHECK(configuration.auth.duplicate_probe == 3s);
    CHECK(configuration.acl.denied_publish == AclConfiguration::DeniedPublish::drop);
    CHECK(configuration.acl.revoked_subscription == AclConfiguration::RevokedSubscription::end);
    CHECK(configuration.broker.threads == 0);
    CHECK(configuration.broker.connect_timeout == 10s);
    CHECK(configuration.limits.max_session_expiry == 30 * 24 * 3600);
    CHECK(configuration.storage.persistence);
    CHECK(configuration.storage.sync == StorageConfiguration::Sync::full);
    CHECK(configuration.storage.min_free_bytes == 67'108'864);
    CHECK(configuration.log.level == log::Level::info);
}

TEST_CASE("every key is read into its field", "[app][configuration]") {
    const Configuration configuration = parse(R"(
[[listener]]
name = "inside"
transport = "tls"
bind = "::1"
port = 8884
certificate = "server.crt"
private_key = "/keys/server.key"
client_ca = "ca.crt"
client_crl = "revoked.pem"
client_identity = "san_uri"
client_certificate = "required"
psk = false
[auth]
allow_anonymous = true
anonymous_profile = "core"
duplicate_client_id = "takeover"
duplicate_probe = "500ms"
[acl]
denied_publish = "disconnect"
revoked_subscription = "disconnect"
[broker]
threads = 4
queue_full = "refuse"
connect_timeout = "2s"
[limits]
max_connections = 1
max_connections_per_address = 1001
max_handshakes = 2001
max_handshake_bytes = 7000000000
max_packet_bytes = 1002
max_payload_bytes = 1003
max_topic_levels = 4
max_subscriptions_per_client = 5
max_inflight = 6
max_topic_alias = 7
max_keep_alive = 8
max_session_expiry = "2h"
max_queued_messages = 10
max_queued_bytes = 5000000000
max_output_bytes = 16000
max_unfinished_bytes = 17000000
max_sessions = 18
max_retained_messages = 12
max_retained_bytes = 6000000000
messages_per_second = 14
bytes_per_second = 15
[storage]
persistence = false
sync = "normal"
min_free_bytes = 5000000000
[nats]
listen = "[::1]:4223"
allow_anonymous = true
[bridge]
commands = false
[[routes]]
nats_topic = "edge"
mqtt_topic = "channels/1/messages"
subtopic = "sub"
type = "default"
workers = 3
[[routes]]
nats_topic = "down.*"
mqtt_topic = "up/+"
direction = "in"
[http]
listen = ""
[log]
level = "debug"
)");
    REQUIRE(configuration.listeners.size() == 1);
    const ListenerConfiguration& listener = configuration.listeners[0];
    CHECK(listener.name == "inside");
    CHECK(listener.transport == Transport::tls);
    CHECK(listener.bind == "::1");
    CHECK(listener.port == 8884);
    CHECK(listener.certificate == "dir/server.crt");  // beside the file
    CHECK(listener.private_key == "/keys/server.key");
    CHECK(listener.client_ca == "dir/ca.crt");
    CHECK(listener.client_crl == "dir/revoked.pem");
    CHECK(listener.client_identity == ListenerConfiguration::ClientIdentity::san_uri);
    CHECK(listener.client_certificate == ListenerConfiguration::ClientCertificate::required);
    CHECK_FALSE(listener.psk);
    CHECK(configuration.auth.allow_anonymous);
    CHECK(configuration.auth.anonymous_profile == "core");
    CHECK(configuration.auth.duplicate_client_id == AuthConfiguration::Duplicate::takeover);
    CHECK(configuration.auth.duplicate_probe == 500ms);
    CHECK(configuration.acl.denied_publish == AclConfiguration::DeniedPublish::disconnect);
    CHECK(configuration.acl.revoked_subscription ==
          AclConfiguration::RevokedSubscription::disconnect);
    CHECK(configuration.broker.threads == 4);
    CHECK(configuration.broker.connect_timeout == 2s);
    CHECK(configuration.broker.queue_full == BrokerConfiguration::QueueFull::refuse);
    CHECK(configuration.limits.max_connections == 1);
    CHECK(configuration.limits.max_connections_per_address == 1001);
    CHECK(configuration.limits.max_handshakes == 2001);
    CHECK(configuration.limits.max_handshake_bytes == 7'000'000'000);
    CHECK(configuration.limits.max_packet_bytes == 1002);
    CHECK(configuration.limits.max_payload_bytes == 1003);
    CHECK(configuration.limits.max_topic_levels == 4);
    CHECK(configuration.limits.max_subscriptions_per_client == 5);
    CHECK(configuration.limits.max_inflight == 6);
    CHECK(configuration.limits.max_topic_alias == 7);
    CHECK(configuration.limits.max_keep_alive == 8);
    CHECK(configuration.limits.max_session_expiry == 7200);
    CHECK(configuration.limits.max_queued_messages == 10);
    CHECK(configuration.limits.max_queued_bytes == 5'000'000'000);
    CHECK(configuration.limits.max_output_bytes == 16'000);
    CHECK(configuration.limits.max_unfinished_bytes == 17'000'000);
    CHECK(configuration.limits.max_sessions == 18);
    CHECK(configuration.limits.max_retained_messages == 12);
    CHECK(configuration.limits.max_retained_bytes == 6'000'000'000);
    CHECK(configuration.limits.messages_per_second == 14);
    CHECK(configuration.limits.bytes_per_second == 15);
    CHECK_FALSE(configuration.storage.persistence);
    CHECK(configuration.storage.sync == StorageConfiguration::Sync::normal);
    CHECK(configuration.storage.min_free_bytes == 5'000'000'000);
    CHECK(configuration.nats.listen == "[::1]:4223");
    CHECK(configuration.nats.allow_anonymous);
    CHECK_FALSE(configuration.bridge.commands);
    REQUIRE(configuration.routes.size() == 2);
    CHECK(configuration.routes[0].nats_topic == "edge");
    CHECK(configuration.routes[0].mqtt_topic == "channels/1/messages");
    CHECK(configuration.routes[0].subtopic == "sub");
    CHECK(configuration.routes[0].direction == bridge::Direction::out);
    CHECK(configuration.routes[0].workers == 3);
    CHECK(configuration.routes[1].direction == bridge::Direction::in);
    CHECK(configuration.http.listen.empty());
    CHECK(configuration.log.level == log::Level::debug);
}

TEST_CASE("a misspelt key is refused with its line and the keys that exist",
          "[app][configuration]") {
    const std::string mistake = mistake_in("[acl]\n\ndenied_publsh = \"drop\"\n");
    CHECK(mistake ==
          "dir/test.toml:3: [acl] denied_publsh is not a key; known in [acl]: denied_publish, "
          "revoked_subscription");
    CHECK_THAT(
        mistake_in("[limit]\nmax_inflight = 1\n"),
        Catch::StartsWith("dir/test.toml:1: limit is not a key; known here: listener, auth,"));
    CHECK_THAT(mistake_in("[[listener]]\nprot = 1883\n"),
               Catch::StartsWith("dir/test.toml:2: [[listener]] prot is not a key; known in"));
}

TEST_CASE("a value of the wrong type is refused with what is allowed", "[app][configuration]") {
    CHECK(mistake_in("[auth]\nallow_anonymous = 1\n") ==
          "dir/test.toml:2: [auth] allow_anonymous must be true or false, not 1");
    CHECK(mistake_in("[limits]\nmax_inflight = \"many\"\n") ==
          "dir/test.toml:2: [limits] max_inflight must be a whole number from 1 to 65535, not "
          "\"many\"");
    CHECK(mistake_in("[limits]\nmax_inflight = 1.5\n") ==
          "dir/test.toml:2: [limits] max_inflight must be a whole number from 1 to 65535, not 1.5");
    CHECK(mistake_in("[auth]\nanonymous_profile = [\"open\"]\n") ==
          "dir/test.toml:2: [auth] anonymous_profile must be a string, not an array");
    CHECK(mistake_in("auth = 3\n") == "dir/test.toml:1: auth must be a table headed [auth], not 3");
    CHECK(mistake_in("[listener]\nport = 1\n") ==
          "dir/test.toml:1: listener must be one or more tables, each headed [[listener]], not a "
          "table");
    CHECK(mistakes_in("listener = []\n").size() == 1);
    CHECK(mistakes_in("listener = [1]\n").size() == 1);
}

TEST_CASE("a number out of its range is refused, at its ends it is not", "[app][configuration]") {
    CHECK(parse("[limits]\nmax_inflight = 1\n").limits.max_inflight == 1);
    CHECK(parse("[limits]\nmax_inflight = 65535\n").limits.max_inflight == 65'535);
    CHECK(mistakes_in("[limits]\nmax_inflight = 0\n").size() == 1);
    CHECK(mistakes_in("[limits]\nmax_inflight = 65536\n").size() == 1);
    CHECK(mistakes_in("[limits]\nmax_inflight = -1\n").size() == 1);
    CHECK(parse("[limits]\nmax_connections_per_address = 0\n").limits.max_connections_per_address ==
          0);
    CHECK(mistakes_in("[limits]\nmax_handshakes = 0\n").size() == 1);
    CHECK(parse("[limits]\nmax_handshake_bytes = 131072\n").limits.max_handshake_bytes ==
          limits::connect_bytes_max);
    CHECK(mistakes_in("[limits]\nmax_handshake_bytes = 131071\n").size() == 1);
    CHECK(mistakes_in("[[listener]]\nport = 0\n").size() == 1);
    CHECK(mistakes_in("[[listener]]\nport = 65536\n").size() == 1);
    CHECK(mistakes_in("[broker]\nthreads = 257\n").size() == 1);
    CHECK(parse("[storage]\nmin_free_bytes = 0\n").storage.min_free_bytes == 0);
    CHECK(mistakes_in("[storage]\nmin_free_bytes = -1\n").size() == 1);
    CHECK(mistakes_in("[storage]\nmin_free_bytes = \"64M\"\n").size() == 1);
}

TEST_CASE("a choice names its alternatives when it is refused", "[app][configuration]") {
    CHECK(
        mistake_in("[acl]\ndenied_publish = \"ignore\"\n") ==
        "dir/test.toml:2: [acl] denied_publish must be \"drop\" or \"disconnect\", not \"ignore\"");
    CHECK(mistake_in("[storage]\nsync = false\n") ==
          "dir/test.toml:2: [storage] sync must be \"full\" or \"normal\" or \"off\", not false");
}

TEST_CASE("a duration without a unit or out of its range is refused", "[app][configuration]") {
    CHECK(parse("[auth]\nduplicate_probe = \"0s\"\n").auth.duplicate_probe == 0ms);
    CHECK(mistake_in("[auth]\nduplicate_probe = 3\n") ==
          "dir/test.toml:2: [auth] duplicate_probe must be a duration from \"0s\" to \"1m\" "
          "(units: ms "
          "s m h d), not 3");
    CHECK(mistakes_in("[auth]\nduplicate_probe = \"3\"\n").size() == 1);
    CHECK(mistakes_in("[auth]\nduplicate_probe = \"61s\"\n").size() == 1);
    CHECK(mistakes_in("[broker]\nconnect_timeout = \"0s\"\n").size() == 1);
}

TEST_CASE("a session expiry is whole seconds that fit into 32 bits", "[app][configuration]") {
    CHECK(parse("[limits]\nmax_session_expiry = \"0s\"\n").limits.max_session_expiry == 0);
    CHECK(parse("[limits]\nmax_session_expiry = \"49710d\"\n").limits.max_session_expiry ==
          4'294'944'000);
    CHECK(mistakes_in("[limits]\nmax_session_expiry = \"49711d\"\n").size() == 1);
    CHECK(mistakes_in("[limits]\nmax_session_expiry = \"1500ms\"\n").size() == 1);
    CHECK(mistakes_in("[limits]\nmax_session_expiry = 3600\n").size() == 1);
}

TEST_CASE("an address is an IP address, with a port where one belongs", "[app][configuration]") {
    CHECK(parse("[[listener]]\nbind = \"::\"\n").listeners[0].bind == "::");
    CHECK(mistakes_in("[[listener]]\nbind = \"localhost\"\n").size() == 1);
    CHECK(mistakes_in("[[listener]]\nbind = \"\"\n").size() == 1);
    CHECK(parse("[http]\nlisten = \"0.0.0.0:80\"\n").http.listen == "0.0.0.0:80");
    for (const char* listen :
         {":80", "80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:70000", "127.0.0.1:80x",
          "::1:80", "[127.0.0.1]:80", "localhost:80"}) {
        INFO(listen);
        CHECK(mistakes_in("[http]\nlisten = \"" + std::string(listen) + "\"\n").size() == 1);
    }
}

TEST_CASE("a certificate comes with its private key, and with TLS", "[app][configuration]") {
    const std::string tls = "[[listener]]\ntransport = \"tls\"\n";
    CHECK(mistakes_in(tls + "certificate = \"a\"\nprivate_key = \"b\"\n").empty());
    CHECK_THAT(
        mistake_in(tls + "certificate = \"a\"\n"),
        Catch::Contains("dir/test.toml:1: [[listener]] has a certificate without a private_key"));
    CHECK_THAT(mistake_in(tls + "private_key = \"b\"\n"),
               Catch::Contains("has a private_key without a certificate"));
    CHECK_THAT(mistake_in("[[listener]]\ncertificate = \"a\"\nprivate_key = \"b\"\n"),
               Catch::Contains("has a certificate but no TLS"));
}

TEST_CASE("two listeners on one address and port are refused, on two addresses they are not",
          "[app][configuration]") {
    CHECK(mistake_in("[[listener]]\nport = 1\n\n[[listener]]\nport = 1\n") ==
          "dir/test.toml:4: [[listener]] has the same bind and port (0.0.0.0 port 1) as the one at "
          "line 1");
    CHECK(mistakes_in("[[listener]]\n[[listener]]\n").size() == 1);
    CHECK(mistakes_in("[[listener]]\nport = 1\nbind = \"127.0.0.1\"\n[[listener]]\nport = 1\n"
                      "bind = \"127.0.0.2\"\n")
              .empty());
}

TEST_CASE("all mistakes are reported at once, in the order of the lines", "[app][configuration]") {
    const std::vector<std::string> mistakes = mistakes_in(
        "[limits]\nmax_inflight = 0\nmax_connections = 0\n[acl]\nnonsense = "
        "1\n[auth]\nallow_anonymous "
        "= 1\n");
    REQUIRE(mistakes.size() == 4);
    CHECK_THAT(mistakes[0], Catch::StartsWith("dir/test.toml:2: "));
    CHECK_THAT(mistakes[1], Catch::StartsWith("dir/test.toml:3: "));
    CHECK_THAT(mistakes[2], Catch::StartsWith("dir/test.toml:5: "));
    CHECK_THAT(mistakes[3], Catch::StartsWith("dir/test.toml:7: "));
}

TEST_CASE("text that is not TOML is refused with its line", "[app][configuration]") {
    CHECK_THAT(mistake_in("[auth]\nallow_anonymous =\n"),
               Catch::StartsWith("dir/test.toml:2: is not TOML: "));
    CHECK_THAT(mistake_in("[auth]\nallow_anonymous = true\nallow_anonymous = true\n"),
               Catch::StartsWith("dir/test.toml:3: is not TOML: "));
    CHECK(mistakes_in("\xFF\xFE").size() == 1);
    CHECK(mistakes_in(std::string_view("\0", 1)).size() == 1);
}

TEST_CASE("what this version does not serve is kept, with a warning when it is switched on",
          "[app][configuration]") {
    CHECK(parse("[http]\nlisten = \"\"\n").warnings.empty());
    const std::vector<std::string> warnings =
        parse("[http]\nlisten = \"127.0.0.1:8080\"\n").warnings;
    REQUIRE(warnings.size() == 1);
    CHECK(warnings[0] == "dir/test.toml:2: [http] listen is not served by this version");
}

TEST_CASE("a limit of a rate and a promise of durability are not taken in silence",
          "[app][configuration]") {
    CHECK(parse("[limits]\nmessages_per_second = 1\nbytes_per_second = 1\n").warnings.empty());
    CHECK(parse("[storage]\npersistence = false\nsync = \"off\"\n").warnings.empty());
    CHECK(parse("[storage]\npersistence = true\nsync = \"normal\"\n").warnings.empty());
}

TEST_CASE("what is written as TOML reads back to the same", "[app][configuration]") {
    Configuration configuration = default_configuration();
    configuration.listeners[0].name = "a \"quoted\" \\ name\twith\ncontrol \x01 and \xC3\xA4";
    configuration.listeners[1].certificate = "/etc/tls/server.crt";
    configuration.listeners[1].private_key = "/etc/tls/server.key";
    configuration.auth.duplicate_probe = 250ms;
    configuration.limits.max_session_expiry = 3600;
    configuration.limits.max_queued_bytes = 1ULL << 40;
    configuration.log.level = log::Level::warn;
    RouteConfiguration& route = configuration.routes.emplace_back();
    route.nats_topic = "edge.*";
    route.mqtt_topic = "channels/1/+";
    route.direction = bridge::Direction::both;

    const std::string written = write_toml(configuration);
    INFO(written);
    const Configuration read = parse(written);
    CHECK(write_toml(read) == written);
    CHECK(read.listeners[0].name == configuration.listeners[0].name);
    CHECK(read.limits.max_session_expiry == 3600);
    REQUIRE(read.routes.size() == 1);
    CHECK(read.routes[0].direction == bridge::Direction::both);
}

TEST_CASE("what is written as JSON has the names and values of the file", "[app][configuration]") {
    const boost::json::value document = boost::json::parse(write_json(default_configuration()));
    CHECK(document.at("listener").at(1).at("transport") == "tls");
    CHECK(document.at("listener").at(0).at("port") == 1883);
    CHECK(document.at("auth").at("duplicate_probe") == "3s");
    CHECK(document.at("auth").at("allow_anonymous") == false);
    CHECK(document.at("limits").at("max_session_expiry") == "30d");
    CHECK(document.at("limits").at("max_retained_bytes") == 1'073'741'824);
    CHECK(document.at("routes").as_array().empty());
}

TEST_CASE("a file that cannot be read is named", "[app][configuration]") {
    char directory[] = "/tmp/drawbridge-configuration-XXXXXX";
    REQUIRE(mkdtemp(directory) != nullptr);
    const std::filesystem::path file = std::filesystem::path(directory) / "drawbridge.toml";

    CHECK_THROWS_WITH(load_configuration(file),
                      Catch::StartsWith(file.string() + ": cannot be read"));
    CHECK_THROWS_AS(load_configuration(directory), ConfigurationError);
    std::ofstream(file) << "[broker]\nthreads = 2\n";
    CHECK(load_configuration(file).broker.threads == 2);
    std::ofstream(file) << "";
    CHECK(load_configuration(file).broker.threads == 0);

    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace drawbridge::app
