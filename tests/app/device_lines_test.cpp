// Device lines, CSV and JSON: what each says, and every way in which one can be wrong.
#include "broker/app/device_lines.hpp"

#include <catch2/catch.hpp>

#include "auth/psk.hpp"
#include "broker/app/rfc3339.hpp"

namespace drawbridge::app {
namespace {

using Catch::Matchers::Contains;
using Fields = std::vector<std::string>;

DeviceLine csv(std::string_view header, std::string_view line) {
    return CsvDevices(header).device_line(line);
}

TEST_CASE("fields stand between commas, with quotes where they are needed", "[app][csv]") {
    CHECK(split_csv("") == Fields{""});
    CHECK(split_csv("a,b,") == Fields{"a", "b", ""});
    CHECK(split_csv("\"a,b\",\"say \"\"hi\"\"\",\"\"") == Fields{"a,b", "say \"hi\"", ""});
    CHECK(split_csv(" a , b") == Fields{" a ", " b"});
    for (const char* line : {"\"a", "\"a\"b", "a\"b", "a,\"", "\"a\"\"", "\"\"\""})
        CHECK_THROWS_AS(split_csv(line), BadLine);
}

TEST_CASE("a field is read as it was written", "[app][csv]") {
    const Fields fields = {"plain", "", "a,b", "\"", "say \"hi\", twice", " x "};
    std::string line;
    for (const std::string& field : fields) append_csv(line, field, line.empty());
    CHECK(split_csv(line) == fields);
}

TEST_CASE("a line of CSV says what its columns are for, in any order", "[app][device_lines]") {
    const DeviceLine device = csv(
        "name,device_id,enabled,channels,api_key,key_label,key_expires_at,tenant,profile,kind",
        "\"Pump, 7\",pump-7,FALSE,a;b c,sk_live_x,factory,2027-01-31T00:00:00Z,acme,open,device");
    CHECK(device.device_id == "pump-7");
    CHECK(device.name == "Pump, 7");
    CHECK(device.enabled == false);
    CHECK(device.channels == Fields{"a", "b", "c"});
    REQUIRE(device.key);
    CHECK(device.key->api_key == "sk_live_x");
    CHECK(device.key->label == "factory");
    CHECK(device.key->expires_at == parse_rfc3339("2027-01-31T00:00:00Z"));
    CHECK(device.tenant == "acme");
    CHECK(device.profile == "open");
    CHECK(device.kind == auth::AccountKind::device);
}

TEST_CASE("a line says a PSK in plain, or in JSON as it was sealed", "[app][device_lines]") {
    const std::string digits(32, 'a');
    CHECK(csv("device_id,psk", "p," + digits).psk == digits);
    CHECK_FALSE(csv("device_id,psk", "p,").psk);
    CHECK(device_line_of_json(R"({"device_id":"p","psk":")" + digits + "\"}").psk == digits);
    for (const char* wrong :
         {"aa", "not hexadecimal, but 16 bytes...", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
        CHECK_THROWS_WITH(csv("device_id,psk", std::string("p,\"") + wrong + '"'),
                          Contains("16 to 64 bytes") && !Contains(wrong));

    const auto sealed = [](const std::string& fields) {
        return device_line_of_json(R"({"device_id":"p","sealed_psk":)" + fields + "}").sealed_psk;
    };
    const std::string bytes = R"("sealed":")" + std::string(90, 'a') + '"';
    const auto psk =
        sealed(R"({"psk_id":"psk-AbCd","created_at":"2027-01-31T00:00:00Z",)" + bytes + "}");
    REQUIRE(psk);
    CHECK(psk->psk_id == "psk-AbCd");
    CHECK(psk->sealed == std::vector<std::uint8_t>(45, 0xAA));
    CHECK(psk->created_at == parse_rfc3339("2027-01-31T00:00:00Z"));
    CHECK_FALSE(sealed("null"));
    CHECK_THROWS_WITH(sealed("[]"), Contains("must be an object"));
    CHECK_THROWS_WITH(sealed("{" + bytes + "}"), Contains("needs psk_id"));
    CHECK_THROWS_WITH(sealed(R"({"psk_id":"AbCd1234",)" + bytes + "}"), Contains("needs psk_id"));
    CHECK_THROWS_WITH(sealed(R"({"psk_id":"psk-AbCd"})"), Contains("and sealed"));
    CHECK_THROWS_WITH(sealed(R"({"psk_id":"psk-AbCd","sealed":"aa"})"), Contains("hexadecimal"));
    CHECK_THROWS_WITH(sealed(R"({"psk_id":"psk-AbCd","colour":"red",)" + bytes + "}"),
                      Contains("no field"));
    CHECK_THROWS_WITH(device_line_of_json(R"({"device_id":"p","psk":")" + digits +
                                          R"(","sealed_psk":{"psk_id":"psk-AbCd",)" + bytes + "}}"),
                      Contains("leave out one"));
}

TEST_CASE("an empty field of CSV says nothing", "[app][device_lines]") {
    const DeviceLine device =
        csv("device_id,kind,tenant,profile,name,enabled,channels,api_key", "pump-7,,,,,,,");
    CHECK_FALSE(device.kind);
    CHECK_FALSE(device.tenant);
    CHECK_FALSE(device.profile);
    CHECK_FALSE(device.name);
    CHECK_FALSE(device.enabled);
    CHECK_FALSE(device.channels);
    CHECK_FALSE(device.key);
}

TEST_CASE("a header that cannot be understood is refused", "[app][device_lines]") {
    CHECK_THROWS_WITH(CsvDevices("device_id,colour"), Contains("no column 'colour'; there are"));
    CHECK_THROWS_WITH(CsvDevices("device_id;name"), Contains("no column 'device_id;name'"));
    CHECK_THROWS_WITH(CsvDevices("name,tenant"), Contains("no column device_id"));
    CHECK_THROWS_WITH(CsvDevices("device_id,name,name"), Contains("name is there twice"));
    CHECK_THROWS_WITH(CsvDevices("device_id,\x1b[31m"), Contains("?[31m"));
    CHECK_THROWS_AS(CsvDevices("\"device_id"), BadLine);
}

TEST_CASE("a bad line of CSV is refused with what is wrong", "[app][device_lines]") {
    const auto why = [](std::string_view header, std::string_view line) -> std::string {
        try {
            csv(header, line);
        } catch (const BadLine& bad) {
            return bad.what();
        }
        return "nothing";
    };
    CHECK_THAT(why("device_id,name", "a"), Contains("1 fields, the header has 2"));
    CHECK_THAT(why("device_id,name", "a,b,c"), Contains("3 fields"));
    CHECK_THAT(why("device_id,name", ",b"), Contains("no device_id"));
    CHECK_THAT(why("device_id,enabled", "a,maybe"), Contains("enabled must be true or false"));
    CHECK_THAT(why("device_id,kind", "a,robot"), Contains("kind must be device or service"));
    CHECK_THAT(why("device_id,api_key,key_expires_at", "a,k,tomorrow"), Contains("must be a time"));
    CHECK_THAT(why("device_id,key_label", "a,factory"), Contains("need an api_key"));
    CHECK_THAT(why("device_id,name", "a,\"b"), Contains("quote is not closed"));
    CHECK(why("device_id,name", "a,b") == "nothing");
}

TEST_CASE("a line of JSON says as much, and keys and rules besides", "[app][device_lines]") {
    const std::string hash(64, 'a');
    const DeviceLine device = device_line_of_json(
        R"({"device_id":"pump-7","kind":"service","tenant":"","name":null,"enabled":true,)"
        R"("channels":[],"keys":[{"key_id":"AbCd1234","hash":")" +
        hash +
        R"(","label":"x","created_at":"2026-01-01T00:00:00Z","expires_at":null}],)"
        R"("rules":[{"effect":"deny","operation":"subscribe","filter":"a/#"}]})");
    CHECK(device.kind == auth::AccountKind::service);
    CHECK(device.tenant == "");
    CHECK_FALSE(device.name);
    CHECK(device.channels == Fields{});
    REQUIRE(device.keys.size() == 1);
    CHECK(device.keys.front().key_id == "AbCd1234");
    CHECK(auth::to_hex(device.keys.front().hash) == hash);
    CHECK(device.keys.front().created_at == parse_rfc3339("2026-01-01T00:00:00Z"));
    CHECK_FALSE(device.keys.front().expires_at);
    REQUIRE(device.rules);
    CHECK(device.rules->front().effect == auth::Effect::deny);
    CHECK(device.rules->front().operation == auth::Operation::subscribe);
    CHECK(device.rules->front().filter == "a/#");
}

TEST_CASE("a bad line of JSON is refused with what is wrong", "[app][device_lines]") {
    const auto why = [](const std::string& line) -> std::string {
        try {
            device_line_of_json(line);
        } catch (const BadLine& bad) {
            return bad.what();
        }
        return "nothing";
    };
    const auto why_field = [&](const std::string& field) {
        return why(R"({"device_id":"a",)" + field + "}");
    };
    CHECK_THAT(why(""), Contains("no JSON"));
    CHECK_THAT(why("{"), Contains("no JSON"));
    CHECK_THAT(why("[]"), Contains("no JSON object"));
    CHECK_THAT(why("{} {}"), Contains("no JSON"));
    CHECK_THAT(why("{\"device_id\":\"\xff\"}"), Contains("no JSON"));
    CHECK_THAT(why(std::string(1'000, '[')), Contains("no JSON"));
    CHECK_THAT(why("{}"), Contains("no device_id"));
    CHECK_THAT(why(R"({"device_id":7})"), Contains("device_id must be a text"));
    CHECK_THAT(why_field(R"("colour":"red")"), Contains("no field colour"));
    CHECK_THAT(why_field(R"("enabled":"true")"), Contains("enabled must be true or false"));
    CHECK_THAT(why_field(R"("channels":"a")"), Contains("channels must be a list"));
    CHECK_THAT(why_field(R"("channels":[1])"), Contains("must be a text"));
    CHECK_THAT(why_field(R"("keys":{})"), Contains("keys must be a list"));
    CHECK_THAT(why_field(R"("keys":[7])"), Contains("must be an object"));
    CHECK_THAT(why_field(R"("keys":[{"key_id":"a"}])"), Contains("needs key_id and hash"));
    CHECK_THAT(why_field(R"("keys":[{"hash":"xyz"}])"), Contains("64 hexadecimal digits"));
    CHECK_THAT(why_field(R"("keys":[{"colour":"x"}])"), Contains("a key has no field"));
    CHECK_THAT(why_field(R"("rules":[{"effect":"allow"}])"), Contains("operation must be"));
    CHECK_THAT(why_field(R"("rules":[{"operation":"publish"}])"), Contains("effect must be"));
    CHECK_THAT(why_field(R"("rules":[{"colour":"x"}])"), Contains("a rule has no field"));
    CHECK_THAT(why_field(R"("key_label":"x")"), Contains("need an api_key"));
    CHECK(why_field(R"("name":"x")") == "nothing");
}

}  // namespace
}  // namespace drawbridge::app
