// Reads the configuration.
#include "broker/app/configuration.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "broker/app/routes.hpp"
#include "broker/app/routes_file.hpp"
#include "broker/app/table_reader.hpp"

namespace drawbridge::app {

void complete(TableReader& reader, ListenerConfiguration& listener) {
    constexpr std::pair<const char*, std::uint16_t> defaults[] = {
        {"mqtt", 1883}, {"mqtts", 8883}, {"ws", 8083}, {"wss", 8084}};
    const auto [name, port] = defaults[static_cast<std::size_t>(listener.transport)];
    if (listener.name.empty()) listener.name = name;
    if (listener.port == 0) listener.port = port;

    if (listener.certificate.empty() && !listener.private_key.empty())
        reader.refuse("has a private_key without a certificate: give both, or neither");
    if (!listener.certificate.empty() && listener.private_key.empty())
        reader.refuse("has a certificate without a private_key: give both, or neither");
    const bool has_files = !listener.certificate.empty() || !listener.private_key.empty();
    if (has_files && !has_tls(listener.transport))
        reader.refuse(
            "has a certificate but no TLS: say transport = \"tls\" or \"wss\", or leave it out");
    if (!listener.client_ca.empty() && !has_tls(listener.transport))
        reader.refuse("has a client_ca but no TLS: say transport = \"tls\" or \"wss\"");
    const bool has_client_rules =
        !listener.client_crl.empty() ||
        listener.client_certificate == ListenerConfiguration::ClientCertificate::required;
    if (listener.client_ca.empty() && has_client_rules)
        reader.refuse("has rules for client certificates but no client_ca that issues them");
    if (!listener.origins.empty() && !has_websocket(listener.transport))
        reader.refuse(
            "has origins but no WebSocket: say transport = \"ws\" or \"wss\", or leave them out");
}

void complete(TableReader& reader, ThrottleConfiguration& throttle) {
    if (throttle.max_lockout < throttle.lockout)
        reader.refuse("has a max_lockout below the lockout: raise it, or lower the other");
}

void complete(TableReader& reader, RouteConfiguration& route) {
    if (route.nats_topic.empty() || route.mqtt_topic.empty())
        reader.refuse("needs a nats_topic and an mqtt_topic");
    route.line = reader.line();
    route.nats_topic_line = reader.line("nats_topic");
    route.mqtt_topic_line = reader.line("mqtt_topic");
}

namespace {

// Each listener needs an address of its own. listeners: as many as there are tables in the file.
void check_addresses(const toml::table& root, const std::vector<ListenerConfiguration>& listeners,
                     ConfigurationNotes& mistakes) {
    const toml::array* tables = root["listener"].as_array();
    for (std::size_t i = 0; i < listeners.size(); ++i)
        for (std::size_t earlier = 0; earlier < i; ++earlier)
            if (listeners[i].bind == listeners[earlier].bind &&
                listeners[i].port == listeners[earlier].port)
                mistakes.add(
                    line_of((*tables)[i]),
                    fmt::format("[[listener]] has the same bind and port ({} port {}) as the "
                                "one at line {}",
                                listeners[i].bind, listeners[i].port, line_of((*tables)[earlier])));
}

std::vector<ListenerConfiguration> default_listeners() {
    ListenerConfiguration plain;
    plain.name = "mqtt";
    plain.port = 1883;
    ListenerConfiguration secure;
    secure.name = "mqtts";
    secure.transport = Transport::tls;
    secure.port = 8883;
    return {plain, secure};
}

}  // namespace

std::string read_text(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::error_code ignored;
    if (!in || std::filesystem::is_directory(file, ignored))
        throw ConfigurationError({fmt::format(
            "{}: cannot be read; check that it is a file and who may read it", file.string())});
    return {std::istreambuf_iterator<char>(in), {}};
}

toml::table parse_toml(std::string_view text, const std::filesystem::path& file) {
    try {
        return toml::parse(text, file.string());
    } catch (const toml::parse_error& error) {
        throw ConfigurationError({fmt::format("{}:{}: is not TOML: {}", file.string(),
                                              error.source().begin.line, error.description())});
    }
}

ConfigurationError::ConfigurationError(std::vector<std::string> mistakes)
    : std::runtime_error(fmt::format("{}", fmt::join(mistakes, "\n"))),
      mistakes_(std::move(mistakes)) {}

Configuration default_configuration() {
    Configuration configuration;
    configuration.listeners = default_listeners();
    return configuration;
}

Configuration load_configuration(const std::filesystem::path& file) {
    if (file.empty()) return default_configuration();

    return parse_configuration(read_text(file), file);
}

Configuration parse_configuration(std::string_view text, const std::filesystem::path& file) {
    const toml::table root = parse_toml(text, file);
    ConfigurationNotes mistakes(file);
    ConfigurationNotes warnings(file);

    Configuration configuration;
    TableReader reader(root, "", file.parent_path(), mistakes, warnings);
    visit_sections(reader, configuration);
    reader.finish();
    if (mistakes.empty()) check_addresses(root, configuration.listeners, mistakes);

    for (RouteConfiguration& route : configuration.routes) route.file = file;
    const std::filesystem::path& routes_file = configuration.bridge.routes_file;
    ConfigurationNotes file_mistakes(routes_file);
    ConfigurationNotes file_warnings(routes_file);
    try {
        if (!routes_file.empty())
            configuration.file_routes = read_routes_file(routes_file, file_mistakes, file_warnings);
    } catch (const ConfigurationError& error) {
        const toml::node* key = root["bridge"]["routes_file"].node();
        for (const std::string& mistake : error.mistakes())
            mistakes.add(line_of(*key), "[bridge] routes_file: " + mistake);
    }
    check_routes(configuration, mistakes, file_mistakes);

    std::vector<std::string> lines = mistakes.lines();
    const std::vector<std::string> more = file_mistakes.lines();
    lines.insert(lines.end(), more.begin(), more.end());
    if (!lines.empty()) throw ConfigurationError(std::move(lines));

    if (configuration.listeners.empty()) configuration.listeners = default_listeners();
    configuration.warnings = warnings.lines();
    for (std::string& warning : file_warnings.lines())
        configuration.warnings.push_back(std::move(warning));
    return configuration;
}

}  // namespace drawbridge::app
