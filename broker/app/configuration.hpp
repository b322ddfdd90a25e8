// Configuration: everything that an operator may choose, with its default. docs/configuration.md is
// its description for users; configuration_keys.hpp lists the keys with what each may be.
//
// A plain value: read once at start and at each reload, then handed down by reference.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "auth/audit_bounds.hpp"
#include "auth/throttle_settings.hpp"
#include "bridge/route.hpp"
#include "broker/base/clock.hpp"
#include "broker/base/limits.hpp"
#include "broker/base/log.hpp"

namespace drawbridge::app {

enum class Transport { tcp, tls, ws, wss };

constexpr bool has_tls(Transport transport) {
    return transport == Transport::tls || transport == Transport::wss;
}
constexpr bool has_websocket(Transport transport) {
    return transport == Transport::ws || transport == Transport::wss;
}

struct ListenerConfiguration {
    enum class ClientIdentity { common_name, san_uri };
    enum class ClientCertificate { optional, required };

    std::string name;  // "mqtt", "mqtts", "ws" or "wss" unless given; for the log
    Transport transport = Transport::tcp;
    std::string bind = "0.0.0.0";
    std::uint16_t port = 0;             // 1883, 8883, 8083 or 8084 unless given
    std::filesystem::path certificate;  // PEM chain; empty: the generated one
    std::filesystem::path private_key;
    std::filesystem::path client_ca;   // empty: client certificates are not asked for
    std::filesystem::path client_crl;  // empty: none is revoked
    ClientIdentity client_identity = ClientIdentity::common_name;
    ClientCertificate client_certificate = ClientCertificate::optional;
    bool psk = true;                   // with TLS
    std::string path = "/mqtt";        // of WebSocket; empty: any
    std::vector<std::string> origins;  // of WebSocket, normal ones; empty: any
};

struct AuthConfiguration {
    enum class Duplicate { reject, takeover };

    bool allow_anonymous = false;
    std::string anonymous_profile = "open";
    Duplicate duplicate_client_id = Duplicate::reject;
    milliseconds duplicate_probe = seconds(3);
};

struct AclConfiguration {
    enum class DeniedPublish { drop, disconnect };
    enum class RevokedSubscription { end, disconnect };

    DeniedPublish denied_publish = DeniedPublish::drop;
    RevokedSubscription revoked_subscription = RevokedSubscription::end;
};

// The defaults of [throttle]: what a person who mistypes a key, or a device with an old one, does
// not meet, and who guesses does.
struct ThrottleConfiguration : auth::ThrottleSettings {
    ThrottleConfiguration() {
        max_failures = 10;
        max_failures_per_address = 100;
        max_failures_per_device = 100;
        flapping_connects = 300;
    }
};

struct BrokerConfiguration {
    enum class QueueFull { drop, refuse };

    std::uint16_t threads = 0;  // shards; 0: one per core
    milliseconds connect_timeout = seconds(10);
    QueueFull queue_full = QueueFull::drop;
};

struct StorageConfiguration {
    enum class Sync { full, normal, off };

    bool persistence = true;
    Sync sync = Sync::full;
    std::uint64_t min_free_bytes = 64 << 20;  // less on the disk: nothing more is kept; 0: no limit
};

struct ServicesConfiguration {
    milliseconds check_interval = seconds(10);  // without a heartbeat: a service is down
};

struct NatsConfiguration {
    std::string listen = "127.0.0.1:4222";  // "": off
    bool allow_anonymous = false;
    bool tls = false;                   // offered
    bool tls_required = false;          // and nothing else is
    std::filesystem::path certificate;  // PEM chain; empty: the generated one
    std::filesystem::path private_key;
    std::uint32_t max_payload_bytes = 1'048'576;
    std::uint32_t max_pending_bytes = 67'108'864;  // per client
    milliseconds write_deadline = seconds(10);
    milliseconds ping_interval = seconds(120);
    milliseconds auth_timeout = seconds(2);
};

struct BridgeConfiguration {
    std::filesystem::path routes_file;  // more routes; empty: none
    bool commands = true;               // the built-in route
};

struct RouteConfiguration {
    enum class Type { by_default };

    std::string nats_topic;
    std::string mqtt_topic;
    bridge::Direction direction = bridge::Direction::out;
    std::string subtopic;
    Type type = Type::by_default;
    std::uint32_t workers = 0;  // changes nothing: messages keep their order

    // Where it was written.
    std::filesystem::path file;
    std::size_t line = 0;
    std::size_t nats_topic_line = 0;
    std::size_t mqtt_topic_line = 0;
};

struct HttpConfiguration {
    std::string listen = "127.0.0.1:8080";  // "": off
};

struct LogConfiguration {
    log::Level level = log::Level::info;
};

struct Configuration {
    std::vector<ListenerConfiguration> listeners;  // never empty
    AuthConfiguration auth;
    AclConfiguration acl;
    ThrottleConfiguration throttle;
    auth::AuditBounds audit;
    BrokerConfiguration broker;
    Limits limits;
    StorageConfiguration storage;
    ServicesConfiguration services;
    NatsConfiguration nats;
    BridgeConfiguration bridge;
    std::vector<RouteConfiguration> routes;       // of the configuration file
    std::vector<RouteConfiguration> file_routes;  // of bridge.routes_file
    HttpConfiguration http;
    LogConfiguration log;

    // One sentence for each key that is set and that this version does not serve yet.
    std::vector<std::string> warnings;
};

// What is wrong with a configuration file: every mistake in it, each as one line "FILE:LINE: ...".
class ConfigurationError : public std::runtime_error {
public:
    explicit ConfigurationError(std::vector<std::string> mistakes);

    const std::vector<std::string>& mistakes() const { return mistakes_; }

private:
    std::vector<std::string> mistakes_;
};

// Plain MQTT on 1883, TLS on 8883, and the defaults above.
Configuration default_configuration();

// Reads a file; an empty path gives the defaults. Throws ConfigurationError.
Configuration load_configuration(const std::filesystem::path& file);

// Reads the text of a file. Mistakes are reported under the file's name, and relative paths in the
// text start at its directory.
Configuration parse_configuration(std::string_view text, const std::filesystem::path& file);

// The configuration in effect, every key written out, as a file that load_configuration reads back
// to the same values; and as one JSON document with the same names.
std::string write_toml(const Configuration& configuration);
std::string write_json(const Configuration& configuration);

}  // namespace drawbridge::app
