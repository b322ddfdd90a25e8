#include "broker/app/serve.hpp"

#include <sched.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <memory>

#include "auth/audit_writer.hpp"
#include "auth/authenticator.hpp"
#include "auth/open_secret.hpp"
#include "auth/psk_lookup.hpp"
#include "bridge/service_monitor.hpp"
#include "bridge/service_writer.hpp"
#include "broker/app/admin_server.hpp"
#include "broker/app/configuration.hpp"
#include "broker/app/data_directory.hpp"
#include "broker/app/descriptors.hpp"
#include "broker/app/identity_reviews.hpp"
#include "broker/app/live_routes.hpp"
#include "broker/app/message_storage.hpp"
#include "broker/app/nats_listener.hpp"
#include "broker/app/salvage_files.hpp"
#include "broker/app/tls_files.hpp"
#include "broker/base/log.hpp"
#include "broker/net/network.hpp"
#include "storage/swap.hpp"

namespace drawbridge::app {
namespace {

// Cores that this process may use, so a pinned broker does not make more shards than it has cores.
unsigned usable_cores() {
    cpu_set_t cores;
    if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
    return static_cast<unsigned>(std::max(1, CPU_COUNT(&cores)));
}

net::NetworkSettings network_settings_of(const Configuration& configuration, unsigned shards) {
    const Limits& limits = configuration.limits;
    const auto shares_of = [&](std::uint64_t granted) {
        return share_descriptors(granted, limits, shards, configuration.listeners.size());
    };
    const std::uint64_t wanted = shares_of(0).wanted;
    const std::uint64_t granted = raise_descriptor_limit(wanted);
    const DescriptorShares shares = shares_of(granted);
    if (granted < wanted)
        log::warn(
            "the system grants {} open files and the limits ask for {}: at most {} clients "
            "(max_connections = {}) and {} strangers (max_handshakes = {}) at a time; raise it "
            "(LimitNOFILE in the service file, or ulimit -Hn), or lower the limits",
            granted, wanted, shares.clients, limits.max_connections, shares.strangers,
            limits.max_handshakes);
    net::NetworkSettings settings;
    settings.connect_timeout = configuration.broker.connect_timeout;
    settings.max_connections = shares.clients;
    settings.max_connections_per_address = limits.max_connections_per_address;
    settings.max_handshakes = shares.strangers;
    settings.max_handshake_bytes = limits.max_handshake_bytes;
    settings.max_farewells = shares.farewells;
    settings.max_sockets = shares.sockets;
    return settings;
}

// This program, as it can be typed from here.
std::string own_path() {
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    if (error || program.parent_path() == "/usr/bin") return "drawbridge";
    const auto near = std::filesystem::proximate(program, error);
    const std::string shortest = near.string().starts_with("..") ? program.string() : near.string();
    return shortest.find('/') == std::string::npos ? "./" + shortest : shortest;
}

core::Settings settings_of(const Configuration& configuration) {
    core::Settings settings;
    settings.limits = configuration.limits;
    settings.duplicate_probe = configuration.auth.duplicate_probe;
    if (configuration.auth.duplicate_client_id == AuthConfiguration::Duplicate::takeover)
        settings.duplicate_client_id = core::DuplicatePolicy::take_over;
    if (configuration.acl.denied_publish == AclConfiguration::DeniedPublish::disconnect)
        settings.denied_publish = core::DeniedPublish::disconnect;
    if (configuration.acl.revoked_subscription == AclConfiguration::RevokedSubscription::disconnect)
        settings.revoked_subscription = core::RevokedSubscription::disconnect;
    if (configuration.broker.queue_full == BrokerConfiguration::QueueFull::refuse)
        settings.queue_full = core::QueueFull::refuse;
    return settings;
}

auth::AuthenticatorOptions authenticator_options(const GlobalOptions& options,
                                                 const Configuration& configuration,
                                                 core::Audit& audit) {
    auth::AuthenticatorOptions made;
    made.database = options.data / "drawbridge.db";
    made.allow_anonymous = configuration.auth.allow_anonymous;
    made.anonymous_profile = configuration.auth.anonymous_profile;
    made.throttle = configuration.throttle;
    made.audit = &audit;
    return made;
}

std::string protocol_of(const ListenerConfiguration& listener) {
    const std::string mqtt = has_websocket(listener.transport) ? "MQTT over WebSocket" : "MQTT";
    if (!has_tls(listener.transport)) return mqtt;
    return mqtt + (has_websocket(listener.transport) ? " and TLS" : " over TLS");
}

// On the first shard, which all messages reach, as they reach every shard.
std::unique_ptr<bridge::ServiceMonitor> watch_services(const GlobalOptions& options,
                                                       const Configuration& configuration,
                                                       core::Broker& broker,
                                                       bridge::ServiceWriter& writer) {
    auth::DeviceStore store(options.data / "drawbridge.db");
    const auto kept =
        bridge::ServiceStore(store.database()).list(bridge::ServiceStore::Forgotten::include);
    bridge::ServiceMonitor::Options monitor;
    monitor.check_interval = configuration.services.check_interval;
    return std::make_unique<bridge::ServiceMonitor>(broker.shard(0), writer, monitor, kept,
                                                    Clock::now());
}

void open_ports(const Configuration& configuration, TlsFiles& tls_files, net::Network& network) {
    for (const ListenerConfiguration& listener : configuration.listeners) {
        std::shared_ptr<const net::CurrentTls> tls;
        if (has_tls(listener.transport)) tls = tls_files.add(listener, WallClock::now());
        std::optional<net::WsRules> ws;
        if (has_websocket(listener.transport)) ws = net::WsRules{listener.path, listener.origins};
        network.listen(listener.name, listener.bind, listener.port, std::move(tls), std::move(ws));
        log::info("listener {}: {} on {} port {}", listener.name, protocol_of(listener),
                  listener.bind, listener.port);
    }
}

// For as long as io runs.
boost::asio::awaitable<void> watch_files(TlsFiles& tls_files) {
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
    while (true) {
        timer.expires_after(TlsFiles::look_interval);
        co_await timer.async_wait(boost::asio::use_awaitable);
        tls_files.look(WallClock::now());
    }
}

void say_what_to_know(const GlobalOptions& options, const Configuration& configuration,
                      bool first_device_missing) {
    for (const std::string& warning : configuration.warnings) log::warn("{}", warning);
    if (configuration.auth.allow_anonymous)
        log::warn("allow_anonymous is on: any client may connect, with the rules of profile {}",
                  configuration.auth.anonymous_profile);
    if (!configuration.storage.persistence)
        log::warn(
            "persistence is off: sessions, queues and retained messages are kept in memory only");
    if (first_device_missing)
        log::info(
            "no device yet; add the first one in another terminal: {} --data {} device add "
            "sensor-1",
            own_path(), options.data.string());
}

}  // namespace

void serve(const GlobalOptions& options, const ServeOptions& serve_options) {
    const Configuration configuration = load_configuration(options.config);
    log::set_level(configuration.log.level);
    log::info("drawbridge {} starts, data in {}", DRAWBRIDGE_VERSION,
              std::filesystem::absolute(options.data).lexically_normal().string());
    const DataDirectory directory(options.data);
    if (storage::finish_swap(options.data))
        log::info("the files in {} were being replaced when that was interrupted; it is done now",
                  options.data.string());
    if (serve_options.salvage)
        salvage_databases(options.data, WallClock::now());
    else
        check_after_unclean_end(options.data);

    const auth::Secret secret = [&] {
        auth::DeviceStore store(options.data / "drawbridge.db");
        return auth::open_secret(options.data, store);
    }();
    const unsigned shards =
        configuration.broker.threads > 0 ? configuration.broker.threads : usable_cores();
    std::optional<MessageStorage> messages;
    if (configuration.storage.persistence) messages.emplace(options.data, configuration.storage);
    boost::asio::io_context io(1);  // before all who may still post to it while they end
    // Before what tells it, so that it goes after that.
    auth::AuditWriter audit(options.data / "drawbridge.db", configuration.audit);
    core::Broker broker(settings_of(configuration), shards);
    broker.set_audit(audit);
    bridge::ServiceWriter service_writer(options.data / "drawbridge.db");
    std::unique_ptr<bridge::ServiceMonitor> services;  // outlives the loops
    std::unique_ptr<storage::Journal> journal;         // null if nothing is kept
    IdentityReviews reviews;
    auth::AuthenticatorOptions auth_options = authenticator_options(options, configuration, audit);
    auth_options.on_profile_change = [&](const auth::ProfileChange& change) {
        reviews.add(change);
    };
    auto authenticator = std::make_unique<auth::Authenticator>(
        auth_options, secret, auth::Profiles::built_in(configuration.limits),
        [&](const auth::DeviceChange& change) { reviews.add(change); });
    auth::PskLookup psks(options.data / "drawbridge.db", secret);
    TlsFiles tls_files(options.data / "tls", psks);
    std::unique_ptr<bridge::NatsServer> nats;  // before the network, whose loops use it
    net::Network network(broker, *authenticator, network_settings_of(configuration, shards));
    reviews.attach(network, configuration.broker.connect_timeout +
                                configuration.auth.duplicate_probe + seconds(10));
    // Before recovery, whose wills take routes, too.
    LiveRoutes routes(options.config, configuration, network);
    if (messages) {
        auth::SessionOwners owners(
            options.data / "drawbridge.db", secret, auth::Profiles::built_in(configuration.limits),
            configuration.auth.allow_anonymous ? configuration.auth.anonymous_profile : "");
        journal = messages->recover(broker, owners);
        messages.reset();
    }
    open_ports(configuration, tls_files, network);
    nats = listen_for_nats(configuration.nats, tls_files, network);

    boost::asio::signal_set signals(io, SIGTERM, SIGINT);
    signals.async_wait([&](boost::system::error_code, int) { io.stop(); });
    boost::asio::signal_set reload(io, SIGHUP);
    std::function<void()> wait_for_reload = [&] {
        reload.async_wait([&](boost::system::error_code error, int) {
            if (error) return;
            log::info(
                "SIGHUP: certificates and routes are read again; devices, keys and rules are "
                "always up to date; the rest of the configuration file is read at start");
            authenticator->poke();
            tls_files.reread(WallClock::now());
            routes.reread();
            wait_for_reload();
        });
    };
    wait_for_reload();
    boost::asio::co_spawn(io, watch_files(tls_files), boost::asio::detached);

    services = watch_services(options, configuration, broker, service_writer);
    auto admin =
        std::make_unique<AdminServer>(io, options.data / "admin.sock", network, *authenticator,
                                      audit, *services, journal.get(), routes);
    say_what_to_know(options, configuration,
                     !auth::DeviceStore(options.data / "drawbridge.db").has_devices());
    network.start();
    log::info("ready");
    io.run();

    log::info("stopping");
    admin.reset();
    network.stop();
    journal.reset();  // before the loops that it wakes
    reviews.detach();
    authenticator.reset();  // before the loops that its answers go to
    log::info("stopped");
}

}  // namespace drawbridge::app
