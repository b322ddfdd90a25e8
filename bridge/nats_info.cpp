#include "bridge/nats_info.hpp"

namespace drawbridge::bridge {

ServerInfo info_of(const NatsSettings& settings) {
    ServerInfo info;
    info.server_id = settings.server_id;
    info.server_name = "drawbridge-" DRAWBRIDGE_VERSION;
    info.version = "2.10.0";  // client libraries conclude from it what a server can do
    info.host = settings.host;
    info.port = settings.port;
    info.max_payload = settings.max_payload;
    info.auth_required = !settings.allow_anonymous;
    info.tls_required = settings.tls_required;
    return info;
}

}  // namespace drawbridge::bridge
