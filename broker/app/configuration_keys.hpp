// The one list of the configuration's keys: each with its field, its kind and what it may be.
//
// Reading, writing as TOML and writing as JSON all walk this list, so a key that is added here
// exists everywhere. Sections offers table() and list(); Keys offers a function for each kind of
// value, and later() for what this version keeps but does not serve.
#pragma once

#include <array>
#include <limits>
#include <string_view>
#include <utility>

#include "broker/app/configuration.hpp"
#include "broker/app/duration.hpp"

namespace drawbridge::app {

// The spellings of an enumeration, for choice().
template <class E, std::size_t count>
using Choices = std::array<std::pair<std::string_view, E>, count>;

inline constexpr Choices<Transport, 4> transport_choices = {{
    {"tcp", Transport::tcp},
    {"tls", Transport::tls},
    {"ws", Transport::ws},
    {"wss", Transport::wss},
}};
inline constexpr Choices<ListenerConfiguration::ClientIdentity, 2> client_identity_choices = {{
    {"common_name", ListenerConfiguration::ClientIdentity::common_name},
    {"san_uri", ListenerConfiguration::ClientIdentity::san_uri},
}};
inline constexpr Choices<ListenerConfiguration::ClientCertificate, 2> client_certificate_choices = {
    {
        {"optional", ListenerConfiguration::ClientCertificate::optional},
        {"required", ListenerConfiguration::ClientCertificate::required},
    }};
inline constexpr Choices<AuthConfiguration::Duplicate, 2> duplicate_choices = {{
    {"reject", AuthConfiguration::Duplicate::reject},
    {"takeover", AuthConfiguration::Duplicate::takeover},
}};
inline constexpr Choices<AclConfiguration::DeniedPublish, 2> denied_publish_choices = {{
    {"drop", AclConfiguration::DeniedPublish::drop},
    {"disconnect", AclConfiguration::DeniedPublish::disconnect},
}};
inline constexpr Choices<AclConfiguration::RevokedSubscription, 2> revoked_subscription_choices = {{
    {"end", AclConfiguration::RevokedSubscription::end},
    {"disconnect", AclConfiguration::RevokedSubscription::disconnect},
}};
inline constexpr Choices<BrokerConfiguration::QueueFull, 2> queue_full_choices = {{
    {"drop", BrokerConfiguration::QueueFull::drop},
    {"refuse", BrokerConfiguration::QueueFull::refuse},
}};
inline constexpr Choices<StorageConfiguration::Sync, 3> sync_choices = {{
    {"full", StorageConfiguration::Sync::full},
    {"normal", StorageConfiguration::Sync::normal},
    {"off", StorageConfiguration::Sync::off},
}};
inline constexpr Choices<bridge::Direction, 3> direction_choices = {{
    {"out", bridge::Direction::out},
    {"in", bridge::Direction::in},
    {"both", bridge::Direction::both},
}};
inline constexpr Choices<RouteConfiguration::Type, 1> route_type_choices = {{
    {"default", RouteConfiguration::Type::by_default},
}};
inline constexpr Choices<log::Level, 4> log_level_choices = {{
    {"debug", log::Level::debug},
    {"info", log::Level::info},
    {"warn", log::Level::warn},
    {"error", log::Level::error},
}};

// The largest MQTT packet there can be: four bytes of length, and the byte before them
// (section 2.1.4).
constexpr std::uint32_t packet_bytes_most = 268'435'455 + 5;

template <class Keys>
void visit_keys(Keys& keys, ListenerConfiguration& listener) {
    keys.text("name", listener.name);
    keys.choice("transport", listener.transport, transport_choices);
    keys.address("bind", listener.bind);
    keys.number("port", listener.port, 1, 65'535);
    keys.path("certificate", listener.certificate);
    keys.path("private_key", listener.private_key);
    keys.path("client_ca", listener.client_ca);
    keys.path("client_crl", listener.client_crl);
    keys.choice("client_identity", listener.client_identity, client_identity_choices);
    keys.choice("client_certificate", listener.client_certificate, client_certificate_choices);
    keys.flag("psk", listener.psk);
    keys.url_path("path", listener.path);
    keys.origins("origins", listener.origins);
}

template <class Keys>
void visit_keys(Keys& keys, AuthConfiguration& auth) {
    keys.flag("allow_anonymous", auth.allow_anonymous);
    keys.text("anonymous_profile", auth.anonymous_profile);
    keys.choice("duplicate_client_id", auth.duplicate_client_id, duplicate_choices);
    keys.duration("duplicate_probe", auth.duplicate_probe, seconds(0), seconds(60));
}

template <class Keys>
void visit_keys(Keys& keys, AclConfiguration& acl) {
    keys.choice("denied_publish", acl.denied_publish, denied_publish_choices);
    keys.choice("revoked_subscription", acl.revoked_subscription, revoked_subscription_choices);
}

template <class Keys>
void visit_keys(Keys& keys, ThrottleConfiguration& throttle) {
    keys.number("max_failures", throttle.max_failures, 0, 1'000'000);
    keys.number("max_failures_per_address", throttle.max_failures_per_address, 0, 1'000'000);
    keys.number("max_failures_per_device", throttle.max_failures_per_device, 0, 1'000'000);
    keys.duration("lockout", throttle.lockout, milliseconds(100), std::chrono::hours(24));
    keys.duration("max_lockout", throttle.max_lockout, milliseconds(100), std::chrono::hours(24));
    keys.number("connects_per_second_per_address", throttle.connects_per_second_per_address, 0,
                1'000'000);
    keys.number("flapping_connects", throttle.flapping_connects, 0, 1'000'000);
}

template <class Keys>
void visit_keys(Keys& keys, auth::AuditBounds& audit) {
    keys.number("max_rows", audit.max_rows, 0, 100'000'000);
    keys.duration("max_age", audit.max_age, std::chrono::minutes(1),
                  std::chrono::hours(24 * 3'650));
}

template <class Keys>
void visit_keys(Keys& keys, BrokerConfiguration& broker) {
    keys.number("threads", broker.threads, 0, 256);
    keys.duration("connect_timeout", broker.connect_timeout, milliseconds(100), seconds(600));
    keys.choice("queue_full", broker.queue_full, queue_full_choices);
}

template <class Keys>
void visit_keys(Keys& keys, Limits& limits) {
    keys.number("max_connections", limits.max_connections, 1, 10'000'000);
    keys.number("max_connections_per_address", limits.max_connections_per_address, 0, 10'000'000);
    keys.number("max_handshakes", limits.max_handshakes, 1, 1'000'000);
    keys.number("max_handshake_bytes", limits.max_handshake_bytes, limits::connect_bytes_max,
                1LL << 40);
    keys.number("max_packet_bytes", limits.max_packet_bytes, 128, packet_bytes_most);
    keys.number("max_payload_bytes", limits.max_payload_bytes, 0, packet_bytes_most);
    keys.number("max_topic_levels", limits.max_topic_levels, 1, 65'535);
    keys.number("max_subscriptions_per_client", limits.max_subscriptions_per_client, 1, 1'000'000);
    keys.number("max_inflight", limits.max_inflight, 1, 65'535);
    keys.number("max_topic_alias", limits.max_topic_alias, 0, 65'535);
    keys.number("max_keep_alive", limits.max_keep_alive, 1, 65'535);
    keys.whole_seconds("max_session_expiry", limits.max_session_expiry);
    keys.number("max_queued_messages", limits.max_queued_messages, 0, 100'000'000);
    keys.number("max_queued_bytes", limits.max_queued_bytes, 0, 1LL << 40);
    keys.number("max_sessions", limits.max_sessions, 1, 1'000'000'000);
    keys.number("max_output_bytes", limits.max_output_bytes, 4'096, 1LL << 30);
    keys.number("max_unfinished_bytes", limits.max_unfinished_bytes, 1LL << 20, 1LL << 40);
    keys.number("max_retained_messages", limits.max_retained_messages, 0, 1'000'000'000);
    keys.number("max_retained_bytes", limits.max_retained_bytes, 0, 1LL << 40);
    keys.number("messages_per_second", limits.messages_per_second, 0, 1'000'000'000);
    keys.number("bytes_per_second", limits.bytes_per_second, 0, 4'000'000'000);
}

template <class Keys>
void visit_keys(Keys& keys, StorageConfiguration& storage) {
    keys.flag("persistence", storage.persistence);
    keys.choice("sync", storage.sync, sync_choices);
    keys.number("min_free_bytes", storage.min_free_bytes, 0, 1LL << 40);
}

template <class Keys>
void visit_keys(Keys& keys, ServicesConfiguration& services) {
    keys.duration("check_interval", services.check_interval, seconds(1), std::chrono::hours(1));
}

template <class Keys>
void visit_keys(Keys& keys, NatsConfiguration& nats) {
    keys.endpoint("listen", nats.listen);
    keys.flag("allow_anonymous", nats.allow_anonymous);
    keys.flag("tls", nats.tls);
    keys.flag("tls_required", nats.tls_required);
    keys.path("certificate", nats.certificate);
    keys.path("private_key", nats.private_key);
    keys.number("max_payload_bytes", nats.max_payload_bytes, 1, 64 << 20);
    keys.number("max_pending_bytes", nats.max_pending_bytes, 4'096, 1 << 30);
    keys.duration("write_deadline", nats.write_deadline, milliseconds(100), std::chrono::hours(1));
    keys.duration("ping_interval", nats.ping_interval, milliseconds(100), std::chrono::hours(1));
    keys.duration("auth_timeout", nats.auth_timeout, milliseconds(100), seconds(600));
}

template <class Keys>
void visit_keys(Keys& keys, BridgeConfiguration& bridge) {
    keys.path("routes_file", bridge.routes_file);
    keys.flag("commands", bridge.commands);
}

template <class Keys>
void visit_keys(Keys& keys, RouteConfiguration& route) {
    keys.text("nats_topic", route.nats_topic);
    keys.text("mqtt_topic", route.mqtt_topic);
    keys.choice("direction", route.direction, direction_choices);
    keys.text("subtopic", route.subtopic);
    keys.choice("type", route.type, route_type_choices);
    keys.number("workers", route.workers, 0, 1'000'000);
}

template <class Keys>
void visit_keys(Keys& keys, HttpConfiguration& http) {
    keys.endpoint("listen", http.listen);
    keys.later("listen", !http.listen.empty());
}

template <class Keys>
void visit_keys(Keys& keys, LogConfiguration& log) {
    keys.choice("level", log.level, log_level_choices);
}

template <class Sections>
void visit_sections(Sections& sections, Configuration& configuration) {
    sections.list("listener", configuration.listeners);
    sections.table("auth", configuration.auth);
    sections.table("acl", configuration.acl);
    sections.table("throttle", configuration.throttle);
    sections.table("audit", configuration.audit);
    sections.table("broker", configuration.broker);
    sections.table("limits", configuration.limits);
    sections.table("storage", configuration.storage);
    sections.table("services", configuration.services);
    sections.table("nats", configuration.nats);
    sections.table("bridge", configuration.bridge);
    sections.list("routes", configuration.routes);
    sections.table("http", configuration.http);
    sections.table("log", configuration.log);
}

}  // namespace drawbridge::app
