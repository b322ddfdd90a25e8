#include "broker/app/nats_listener.hpp"

#include <fmt/format.h>

#include <charconv>
#include <random>

#include "broker/base/log.hpp"

namespace drawbridge::app {
namespace {

bridge::NatsSettings settings_of(const NatsConfiguration& nats) {
    bridge::NatsSettings settings;
    const std::size_t colon = nats.listen.rfind(':');  // the configuration has been checked
    settings.host = nats.listen.substr(0, colon);
    if (settings.host.starts_with('[')) settings.host = settings.host.substr(1, colon - 2);
    const std::string port = nats.listen.substr(colon + 1);
    std::from_chars(port.data(), port.data() + port.size(), settings.port);
    std::random_device chance;
    settings.server_id = fmt::format("DB{:08X}{:08X}{:08X}", chance(), chance(), chance());
    settings.allow_anonymous = nats.allow_anonymous;
    settings.tls_required = nats.tls_required;
    settings.max_payload = nats.max_payload_bytes;
    settings.max_pending_bytes = nats.max_pending_bytes;
    settings.write_deadline = nats.write_deadline;
    settings.ping_interval = nats.ping_interval;
    settings.auth_timeout = nats.auth_timeout;
    return settings;
}

bool is_loopback(std::string_view host) { return host.starts_with("127.") || host == "::1"; }

}  // namespace

std::unique_ptr<bridge::NatsServer> listen_for_nats(const NatsConfiguration& nats,
                                                    TlsFiles& tls_files, net::Network& network) {
    if (nats.listen.empty()) return nullptr;
    const bridge::NatsSettings settings = settings_of(nats);
    std::shared_ptr<const net::CurrentTls> tls;
    if (nats.tls || nats.tls_required) {
        ListenerConfiguration files;
        files.name = "nats";
        files.transport = Transport::tls;
        files.certificate = nats.certificate;
        files.private_key = nats.private_key;
        files.psk = false;
        tls = tls_files.add(files, WallClock::now());
    }
    auto server = std::make_unique<bridge::NatsServer>(settings, network.loops());
    try {
        server->listen(network, tls);
    } catch (const std::runtime_error& failure) {
        if (nats.listen != NatsConfiguration().listen) throw;
        log::warn(
            "{}; NATS clients are not served (set listen in [nats] to another address, or to "
            "\"\" for none)",
            failure.what());
        return nullptr;
    }
    log::info("listener nats: NATS{} on {}",
              settings.tls_required ? " over TLS" : (tls ? ", TLS if wanted," : ""), nats.listen);
    if (nats.allow_anonymous)
        log::warn(
            "[nats] allow_anonymous is on: any NATS client may connect, with the rules of the "
            "anonymous profile");
    if (!is_loopback(settings.host) && !settings.tls_required)
        log::warn(
            "NATS clients may send their keys in clear over the network: set tls_required in "
            "[nats], or listen on 127.0.0.1");
    return server;
}

}  // namespace drawbridge::app
