// AdminServer: answers the commands of `drawbridge` on DATA/admin.sock (mode 0600): one JSON object
// in a line each way, as described in admin_client.hpp.
//
// Threads: the control thread's io_context.
// Limits: request_bytes_max; a peer that says nothing for request_timeout is cut off.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/json/object.hpp>
#include <filesystem>

#include "auth/audit_writer.hpp"
#include "auth/authenticator.hpp"
#include "bridge/service_monitor.hpp"
#include "broker/app/live_routes.hpp"
#include "broker/net/network.hpp"
#include "storage/journal.hpp"

namespace drawbridge::app {

class AdminServer {
public:
    // Opens the socket; throws std::runtime_error.
    AdminServer(boost::asio::io_context& io, const std::filesystem::path& socket,
                net::Network& network, auth::Authenticator& authenticator, auth::AuditWriter& audit,
                bridge::ServiceMonitor& services, const storage::Journal* journal,
                const LiveRoutes& routes);
    ~AdminServer();

private:
    using Socket = boost::asio::local::stream_protocol::socket;
    template <class T>
    using Awaitable = boost::asio::awaitable<T>;

    Awaitable<void> accept();
    Awaitable<void> serve(Socket socket);
    Awaitable<boost::json::object> answer(const boost::json::object& request);
    Awaitable<boost::json::object> clients(const boost::json::object& request);
    Awaitable<boost::json::object> kick(std::string client_id);
    Awaitable<boost::json::object> changed();
    Awaitable<boost::json::object> flush_audit();
    boost::json::object status() const;

    boost::asio::io_context& io_;
    const std::filesystem::path path_;
    boost::asio::local::stream_protocol::acceptor acceptor_;
    net::Network& network_;
    const storage::Journal* const journal_;  // null if nothing is kept
    auth::Authenticator& authenticator_;
    auth::AuditWriter& audit_;
    bridge::ServiceMonitor& services_;
    const LiveRoutes& routes_;
    const TimePoint started_at_ = Clock::now();
};

}  // namespace drawbridge::app
