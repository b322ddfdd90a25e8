// [[routes]] and [bridge] of the configuration, and the file of another program that holds routes.
// Method: files in a temporary directory; each mistake by file, line and reason.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "broker/app/configuration.hpp"
#include "broker/app/routes.hpp"

namespace drawbridge::app {
namespace {

using Catch::Contains;
using Catch::StartsWith;

std::vector<std::string> mistakes_in(std::string_view text, const std::string& file = "a.toml") {
    try {
        parse_configuration(text, file);
    } catch (const ConfigurationError& error) {
        return error.mistakes();
    }
    return {};
}

std::string mistake_in(std::string_view text) {
    const std::vector<std::string> mistakes = mistakes_in(text);
    REQUIRE(mistakes.size() == 1);
    return mistakes.front();
}

// A directory with one file, export.toml, and the text of a configuration that names it.
class Directory {
public:
    explicit Directory(std::string_view export_toml) {
        char name[] = "/tmp/drawbridge-routes-XXXXXX";
        REQUIRE(mkdtemp(name) != nullptr);
        path = name;
        std::ofstream(path / "export.toml") << export_toml;
    }
    ~Directory() { std::filesystem::remove_all(path); }

    Configuration load(const std::string& more = "") const {
        return parse_configuration("[bridge]\nroutes_file = \"export.toml\"\n" + more,
                                   path / "drawbridge.toml");
    }
    std::vector<std::string> mistakes(const std::string& more = "") const {
        return mistakes_in("[bridge]\nroutes_file = \"export.toml\"\n" + more,
                           (path / "drawbridge.toml").string());
    }
    std::string file() const { return (path / "export.toml").string(); }

    std::filesystem::path path;
};

constexpr std::string_view edge_route = R"(mqtt_topic = "channels/6abff700/messages"
nats_topic = "edge"
subtopic = ""
type = "default"
workers = 0
)";

TEST_CASE("a route needs both of its ends", "[app][configuration][routes]") {
    CHECK(mistakes_in("[[routes]]\nnats_topic = \"a\"\nmqtt_topic = \"b\"\n").empty());
    CHECK(mistake_in("[[routes]]\nnats_topic = \"a\"\n") ==
          "a.toml:1: [[routes]] needs a nats_topic and an mqtt_topic");
    CHECK(mistake_in("[[routes]]\nmqtt_topic = \"b\"\n") ==
          "a.toml:1: [[routes]] needs a nats_topic and an mqtt_topic");
}

TEST_CASE("a bad subject, topic, type or number of workers is named by file and line",
          "[app][configuration][routes]") {
    const auto route = [](const std::string& subject, const std::string& topic,
                          const std::string& more = "") {
        return "[[routes]]\nnats_topic = \"" + subject + "\"\nmqtt_topic = \"" + topic + "\"\n" +
               more;
    };
    CHECK(mistakes_in(route("a", "b", "type = \"default\"\nworkers = 1000\n")).empty());
    CHECK_THAT(mistake_in(route("a b", "c")),
               StartsWith("a.toml:2: [[routes]] nats_topic must be a subject"));
    CHECK_THAT(mistake_in(route("a", "b/#/c")),
               StartsWith("a.toml:3: [[routes]] mqtt_topic must be a topic"));
    CHECK_THAT(mistake_in(route("a.*", "b/#")), StartsWith("a.toml:1: [[routes]] has wildcards"));
    CHECK_THAT(mistake_in(route("a", "b", "type = \"mfx\"\n")),
               StartsWith("a.toml:4: [[routes]] type must be \"default\""));
    CHECK_THAT(mistake_in(route("a", "b", "workers = -1\n")),
               StartsWith("a.toml:4: [[routes]] workers must be a whole number"));
    CHECK_THAT(mistake_in(route("a", "b", "direction = \"up\"\n")),
               StartsWith("a.toml:4: [[routes]] direction must be \"out\" or \"in\" or \"both\""));
    CHECK_THAT(mistake_in(route("a", "b", "topic = \"c\"\n")),
               Contains("a.toml:4: [[routes]] topic is not a key"));
}

TEST_CASE("routes that do the same or lead in a circle are named, all of them",
          "[app][configuration][routes]") {
    const std::vector<std::string> mistakes = mistakes_in(R"([[routes]]
nats_topic = "a"
mqtt_topic = "b"
[[routes]]
nats_topic = "a"
mqtt_topic = "b"
[[routes]]
nats_topic = "a"
mqtt_topic = "b"
direction = "in"
[[routes]]
nats_topic = "x y"
mqtt_topic = "b"
type = "other"
[[routes]]
nats_topic = "commands.*"
mqtt_topic = "channels/1/messages/services/+"
)");
    REQUIRE(mistakes.size() == 5);
    CHECK_THAT(mistakes[0], StartsWith("a.toml:4: [[routes]] does the same as the route at "
                                       "a.toml:1"));
    CHECK_THAT(mistakes[1], StartsWith("a.toml:7: [[routes]] is circular"));
    CHECK_THAT(mistakes[2], StartsWith("a.toml:12: [[routes]] nats_topic"));
    CHECK_THAT(mistakes[3], StartsWith("a.toml:14: [[routes]] type"));
    CHECK_THAT(mistakes[4], StartsWith("a.toml:15: [[routes]] is circular"));
    CHECK_THAT(mistakes[4], Contains("built-in"));
    CHECK(mistakes_in("[bridge]\ncommands = false\n[[routes]]\nnats_topic = \"commands.*\"\n"
                      "mqtt_topic = \"channels/1/messages/services/+\"\n")
              .empty());
}

TEST_CASE("a file of Connhex Edge is read as it is", "[app][configuration][routes]") {
    const std::string other_things = "File = \"export.toml\"\n[exp]\nport = \"8170\"\n";
    for (const std::string& text :
         {other_things + "[[routes]]\n" + std::string(edge_route) + "note = \"mine\"\n",
          other_things + "[routes]\n" + std::string(edge_route),
          std::string(edge_route) + other_things}) {
        const Directory directory(text);
        const Configuration configuration = directory.load();
        CHECK(configuration.routes.empty());
        REQUIRE(configuration.file_routes.size() == 1);
        CHECK(configuration.file_routes[0].nats_topic == "edge");
        CHECK(configuration.file_routes[0].mqtt_topic == "channels/6abff700/messages");
        REQUIRE(configuration.warnings.size() == 1);
        CHECK_THAT(configuration.warnings[0],
                   StartsWith(directory.file() + ":1: what is not about routes is ignored: "));
        CHECK_THAT(configuration.warnings[0], Contains("exp"));
    }
    const Directory plain("[[routes]]\n" + std::string(edge_route));
    CHECK(plain.load().warnings.empty());
    CHECK(Directory("").load().file_routes.empty());
}

TEST_CASE("a mistake in the file of routes is named by that file and its line",
          "[app][configuration][routes]") {
    const Directory directory("\n[[routes]]\n" + std::string(edge_route) +
                              "[[routes]]\nnats_topic = \"a..b\"\nmqtt_topic = \"m\"\n"
                              "type = \"mfx\"\n");
    const auto mistakes = directory.mistakes(
        "[[routes]]\nnats_topic = \"edge\"\nmqtt_topic = \"channels/6abff700/messages\"\n");
    REQUIRE(mistakes.size() == 3);
    CHECK_THAT(mistakes[0], StartsWith(directory.file() + ":2: [[routes]] does the same as"));
    CHECK_THAT(mistakes[0], Contains("drawbridge.toml:3"));
    CHECK_THAT(mistakes[1], StartsWith(directory.file() + ":9: [[routes]] nats_topic"));
    CHECK_THAT(mistakes[2], StartsWith(directory.file() + ":11: [[routes]] type"));

    const Directory no_toml("[[routes\n");
    REQUIRE(no_toml.mistakes().size() == 1);
    CHECK_THAT(no_toml.mistakes()[0], Contains("drawbridge.toml:2: [bridge] routes_file: "));
    CHECK_THAT(no_toml.mistakes()[0], Contains("export.toml:1: is not TOML"));
    std::filesystem::remove(no_toml.path / "export.toml");
    REQUIRE(no_toml.mistakes().size() == 1);
    CHECK_THAT(no_toml.mistakes()[0], Contains("export.toml: cannot be read"));
    CHECK(Directory("routes = 3\n").mistakes().size() == 1);
    CHECK(Directory("routes = [1, {}]\n").mistakes().size() == 1);
}

TEST_CASE("what is written as TOML names the file of routes, and reads back",
          "[app][configuration][routes]") {
    const Directory directory("[[routes]]\n" + std::string(edge_route));
    const Configuration configuration = directory.load();
    const std::string written = write_toml(configuration);
    INFO(written);
    const Configuration read = parse_configuration(written, "elsewhere/x.toml");
    CHECK(write_toml(read) == written);
    CHECK(read.file_routes.size() == 1);
}

TEST_CASE("the table has the configured routes, and the built-in one last",
          "[app][configuration][routes]") {
    const Directory directory("[[routes]]\n" + std::string(edge_route));
    const auto table =
        make_route_table(directory.load("[[routes]]\nnats_topic = \"a\"\nmqtt_topic = \"b\"\n"));
    REQUIRE(table->routes().size() == 3);
    CHECK_THAT(table->routes()[0].definition.source, Contains("drawbridge.toml:3"));
    CHECK(table->routes()[1].definition.source == directory.file() + ":1");
    CHECK(table->routes()[2].definition.source.empty());
    CHECK(make_route_table(default_configuration())->routes().size() == 1);
    CHECK(make_route_table(directory.load("commands = false\n"))->routes().size() == 1);
}

}  // namespace
}  // namespace drawbridge::app
