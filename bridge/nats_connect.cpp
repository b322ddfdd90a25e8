#include "bridge/nats_connect.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

namespace drawbridge::bridge {
namespace {

namespace json = boost::json;

// One field of the object; all calls together are good if no value had the wrong type.
class Fields {
public:
    explicit Fields(const json::object& object) : object_(object) {}

    void read(std::string_view key, bool& target) {
        const json::value* const value = find(key);
        if (value == nullptr) return;
        if (const bool* const flag = value->if_bool())
            target = *flag;
        else
            is_good_ = false;
    }
    void read(std::string_view key, std::string& target) {
        const json::value* const value = find(key);
        if (value == nullptr) return;
        if (const json::string* const text = value->if_string())
            target.assign(text->data(), text->size());
        else
            is_good_ = false;
    }
    void read(std::string_view key, std::int64_t& target) {
        const json::value* const value = find(key);
        if (value == nullptr) return;
        if (const std::int64_t* const number = value->if_int64())
            target = *number;
        else
            is_good_ = false;
    }
    bool is_good() const { return is_good_; }

private:
    const json::value* find(std::string_view key) const {
        const json::value* const value = object_.if_contains(key);
        return value == nullptr || value->is_null() ? nullptr : value;
    }

    const json::object& object_;
    bool is_good_ = true;
};

}  // namespace

std::optional<ConnectOptions> read_connect(std::string_view text) {
    unsigned char memory[4096];
    json::monotonic_resource resource(memory, sizeof memory);
    json::parse_options limits;
    limits.max_depth = 32;
    json::error_code error;
    const json::value parsed = json::parse(text, error, &resource, limits);
    if (error || !parsed.is_object()) return std::nullopt;

    ConnectOptions options;
    Fields fields(parsed.get_object());
    fields.read("verbose", options.verbose);
    fields.read("pedantic", options.pedantic);
    fields.read("echo", options.echo);
    fields.read("headers", options.headers);
    fields.read("no_responders", options.no_responders);
    fields.read("tls_required", options.tls_required);
    fields.read("protocol", options.protocol);
    fields.read("name", options.name);
    fields.read("lang", options.lang);
    fields.read("version", options.version);
    fields.read("auth_token", options.auth_token);
    fields.read("user", options.user);
    fields.read("pass", options.pass);
    fields.read("nkey", options.nkey);
    fields.read("sig", options.sig);
    fields.read("jwt", options.jwt);
    fields.read("account", options.account);
    fields.read("new_account", options.new_account);
    if (!fields.is_good()) return std::nullopt;
    return options;
}

std::string_view error_text(const ConnectOptions& options) {
    if (options.protocol != 0 && options.protocol != 1) return "invalid client protocol";
    if (options.no_responders && !options.headers) return "no responders requires headers support";
    return "";
}

}  // namespace drawbridge::bridge
