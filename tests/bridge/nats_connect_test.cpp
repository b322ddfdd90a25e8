// CONNECT: what clients of all libraries send, and what none should.
#include "bridge/nats_connect.hpp"

#include <catch2/catch.hpp>

using namespace drawbridge::bridge;

TEST_CASE("what CONNECT does not name has nats-server's default", "[bridge][nats][connect]") {
    for (const char* json : {"{}", " {} ", "{\"unknown\":[{\"a\":1}]}", "{\"verbose\":null}"}) {
        const std::optional<ConnectOptions> options = read_connect(json);
        REQUIRE(options.has_value());
        CHECK(options->verbose);
        CHECK(options->pedantic);
        CHECK(options->echo);
        CHECK_FALSE(options->headers);
        CHECK_FALSE(options->no_responders);
        CHECK_FALSE(options->tls_required);
        CHECK(options->protocol == 0);
        CHECK(options->user.empty());
        CHECK(error_text(*options).empty());
    }
}

TEST_CASE("every field of CONNECT is read", "[bridge][nats][connect]") {
    const std::optional<ConnectOptions> options = read_connect(
        R"({"verbose":false,"pedantic":false,"echo":false,"headers":true,"no_responders":true,
            "tls_required":true,"protocol":1,"name":"n","lang":"go","version":"1.2.3",
            "auth_token":"t","user":"u","pass":"p\"\\\u00e9","nkey":"U","sig":"s","jwt":"j",
            "account":"A","new_account":true})");
    REQUIRE(options.has_value());
    CHECK_FALSE(options->verbose);
    CHECK_FALSE(options->pedantic);
    CHECK_FALSE(options->echo);
    CHECK(options->headers);
    CHECK(options->no_responders);
    CHECK(options->tls_required);
    CHECK(options->protocol == 1);
    CHECK(options->name == "n");
    CHECK(options->lang == "go");
    CHECK(options->version == "1.2.3");
    CHECK(options->auth_token == "t");
    CHECK(options->user == "u");
    CHECK(options->pass == "p\"\\é");
    CHECK(options->nkey == "U");
    CHECK(options->sig == "s");
    CHECK(options->jwt == "j");
    CHECK(options->account == "A");
    CHECK(options->new_account);
    CHECK(error_text(*options).empty());
}

TEST_CASE("what is no JSON object is refused", "[bridge][nats][connect]") {
    for (const char* json : {"", " ", "{bad", "{", "{}}", "{} {}", "[]", "1", "\"a\"", "null",
                             "{\"verbose\":tru}", "{'a':1}", "{\"a\":\"\xFF\"}"})
        CHECK_FALSE(read_connect(json).has_value());
}

TEST_CASE("a value of the wrong type is refused", "[bridge][nats][connect]") {
    for (const char* key :
         {"verbose", "pedantic", "echo", "headers", "no_responders", "tls_required", "new_account"})
        for (const char* value : {"1", "\"true\"", "[]", "{}"})
            CHECK_FALSE(read_connect("{\"" + std::string(key) + "\":" + value + "}").has_value());
    for (const char* key :
         {"name", "lang", "version", "auth_token", "user", "pass", "nkey", "sig", "jwt", "account"})
        for (const char* value : {"1", "true", "[]", "{}"})
            CHECK_FALSE(read_connect("{\"" + std::string(key) + "\":" + value + "}").has_value());
    for (const char* value : {"\"1\"", "true", "1.5", "99999999999999999999"})
        CHECK_FALSE(read_connect("{\"protocol\":" + std::string(value) + "}").has_value());
}

TEST_CASE("JSON that nests without end is refused", "[bridge][nats][connect]") {
    const auto nested = [](std::size_t depth) {
        return "{\"a\":" + std::string(depth, '[') + std::string(depth, ']') + "}";
    };
    CHECK(read_connect(nested(30)).has_value());
    CHECK_FALSE(read_connect(nested(40)).has_value());
    CHECK_FALSE(read_connect(std::string(4'096, '[')).has_value());
}

TEST_CASE("options that cannot be are answered by an error", "[bridge][nats][connect]") {
    const auto error = [](const char* json) { return error_text(read_connect(json).value()); };
    CHECK(error("{\"protocol\":2}") == "invalid client protocol");
    CHECK(error("{\"protocol\":-1}") == "invalid client protocol");
    CHECK(error("{\"protocol\":1}") == "");
    CHECK(error("{\"no_responders\":true}") == "no responders requires headers support");
    CHECK(error("{\"no_responders\":true,\"headers\":true}") == "");
}
