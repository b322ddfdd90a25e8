#include "broker/app/admin_server.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "broker/app/admin_services.hpp"
#include "broker/app/admin_throttle.hpp"
#include "broker/app/rfc3339.hpp"
#include "broker/app/shard_tasks.hpp"

namespace drawbridge::app {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::size_t request_bytes_max = 2u << 20;
constexpr seconds request_timeout{10};
constexpr seconds rest_after_failure{1};

std::string_view protocol_name(wire::Version version) {
    switch (version) {
        case wire::Version::v3_1:
            return "MQTT 3.1";
        case wire::Version::v3_1_1:
            return "MQTT 3.1.1";
        case wire::Version::v5:
            return "MQTT 5.0";
    }
    return "?";
}

json::object refusal(std::string_view sentence) { return {{"ok", false}, {"error", sentence}}; }

std::string text_field(const json::object& request, std::string_view name) {
    const json::value* value = request.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

}  // namespace

AdminServer::AdminServer(asio::io_context& io, const std::filesystem::path& socket,
                         net::Network& network, auth::Authenticator& authenticator,
                         auth::AuditWriter& audit, bridge::ServiceMonitor& services,
                         const storage::Journal* journal, const LiveRoutes& routes)
    : io_(io),
      path_(socket),
      acceptor_(io),
      network_(network),
      journal_(journal),
      authenticator_(authenticator),
      audit_(audit),
      services_(services),
      routes_(routes) {
    std::error_code gone;
    std::filesystem::remove(
        path_, gone);  // left by a broker that was killed: the lock says that none runs
    // The address has room for 107 bytes only; by way of the open directory, every path fits.
    const int directory = ::open(path_.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    const mode_t mask = ::umask(0177);
    try {
        acceptor_.open();
        acceptor_.bind(fmt::format("/proc/self/fd/{}/{}", directory, path_.filename().string()));
        acceptor_.listen();
        ::umask(mask);
        ::close(directory);
    } catch (const std::exception& failure) {
        throw std::runtime_error(
            fmt::format("cannot open the admin socket {}: {}", path_.string(), failure.what()));
    }
    asio::co_spawn(io_, accept(), asio::detached);
}

AdminServer::~AdminServer() {
    std::error_code gone;
    std::filesystem::remove(path_, gone);
}

asio::awaitable<void> AdminServer::accept() {
    for (;;) {
        boost::system::error_code error;
        Socket socket =
            co_await acceptor_.async_accept(asio::redirect_error(asio::use_awaitable, error));
        if (error == asio::error::operation_aborted) co_return;
        if (!error) {
            asio::co_spawn(io_, serve(std::move(socket)), asio::detached);
            continue;
        }
        asio::steady_timer rest(io_, rest_after_failure);  // no file descriptors, most likely
        co_await rest.async_wait(asio::redirect_error(asio::use_awaitable, error));
    }
}

asio::awaitable<void> AdminServer::serve(Socket socket) {
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    asio::steady_timer patience(io_, request_timeout);
    // The handler may run after this coroutine has ended, so it holds no more than a weak pointer.
    const auto here = std::make_shared<Socket*>(&socket);
    patience.async_wait([there = std::weak_ptr(here)](boost::system::error_code cancelled) {
        boost::system::error_code ignored;
        const auto waiting = there.lock();
        if (!cancelled && waiting) (*waiting)->cancel(ignored);
    });
    std::string line;
    co_await asio::async_read_until(socket, asio::dynamic_buffer(line, request_bytes_max), '\n',
                                    token);
    patience.cancel();
    if (error) co_return;
    boost::system::error_code malformed;
    const json::value request = json::parse(line, malformed);
    json::object reply;
    if (malformed || !request.is_object())
        reply = refusal("the request is not a JSON object in one line");
    else
        reply = co_await answer(request.get_object());
    const std::string text = json::serialize(reply) + '\n';
    co_await asio::async_write(socket, asio::buffer(text), token);
}

asio::awaitable<json::object> AdminServer::answer(const json::object& request) {
    const std::string command = text_field(request, "command");
    if (command == "clients") co_return co_await clients(request);
    if (command == "kick") co_return co_await kick(text_field(request, "client_id"));
    if (command == "changed") co_return co_await changed();
    if (command == "audit") co_return co_await flush_audit();
    if (command == "throttle") co_return answer_throttle(authenticator_.guard(), request);
    if (command == "services") co_return co_await list_services(network_, services_);
    if (command == "forget_service")
        co_return co_await forget_service(network_, services_, text_field(request, "tenant"),
                                          text_field(request, "name"));
    if (command == "status") {
        json::object answer = status();
        add_locks(answer, authenticator_.guard());
        co_return answer;
    }
    co_return refusal(fmt::format("this broker does not know the command \"{}\"", command));
}

// All of them, or those that the request asks for: by identity, by the beginning of the client id.
asio::awaitable<json::object> AdminServer::clients(const json::object& request) {
    const std::string identity = text_field(request, "identity");
    const std::string prefix = text_field(request, "client_id_prefix");
    std::mutex mutex;
    json::array all;
    const auto list = [&](core::Shard& shard) {
        json::array some;
        shard.visit_sessions([&](const core::Session& session) {
            if (session.link() == nullptr || !session.client_id().starts_with(prefix)) return;
            if (!identity.empty() && session.identity().id() != identity) return;
            some.push_back(json::object{{"client_id", session.client_id()},
                                        {"identity", session.identity().id()},
                                        {"address", session.link()->address()},
                                        {"protocol", protocol_name(session.version())},
                                        {"connected_at", to_rfc3339(session.connected_at())}});
        });
        shard.visit_guests([&](core::Guest& guest) {
            if (!guest.client_id().starts_with(prefix)) return;
            if (!identity.empty() && guest.held_identity()->id() != identity) return;
            some.push_back(json::object{{"client_id", guest.client_id()},
                                        {"identity", guest.held_identity()->id()},
                                        {"address", guest.address()},
                                        {"protocol", guest.protocol()},
                                        {"connected_at", to_rfc3339(guest.connected_at())}});
        });
        const std::scoped_lock lock(mutex);
        all.insert(all.end(), some.begin(), some.end());
    };
    co_await on_every_shard(network_, list);
    co_return json::object{{"ok", true}, {"clients", std::move(all)}};
}

asio::awaitable<json::object> AdminServer::kick(std::string client_id) {
    std::atomic<bool> kicked{false};
    const unsigned home = network_.broker().home_of(client_id);
    const auto kick = [&](core::Shard& shard) {
        if (shard.index() == home && shard.kick(client_id)) kicked = true;
        if (shard.kick_guests(client_id)) kicked = true;
    };
    co_await on_every_shard(network_, kick);
    co_return json::object{{"ok", true}, {"kicked", kicked.load()}};
}

// First the authenticator looks at the database and tells of what it finds, then every shard gets
// to it.
asio::awaitable<json::object> AdminServer::changed() {
    const auto look = [this](auto handler) {
        auto resume = std::make_shared<decltype(handler)>(std::move(handler));
        authenticator_.poke(
            [&io = io_, resume] { asio::post(io, [resume] { std::move (*resume)(); }); });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(look, asio::use_awaitable);
    co_await on_every_shard(network_, [](core::Shard&) {});
    co_return json::object{{"ok", true}};
}

asio::awaitable<json::object> AdminServer::flush_audit() {
    const auto write = [this](auto handler) {
        auto resume = std::make_shared<decltype(handler)>(std::move(handler));
        audit_.flush([&io = io_, resume] { asio::post(io, [resume] { std::move (*resume)(); }); });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(write,
                                                                         asio::use_awaitable);
    co_return json::object{{"ok", true}};
}

json::object AdminServer::status() const {
    const auto sum = [&](core::Counter core::Stats::*counter) {
        std::uint64_t total = 0;
        for (unsigned index = 0; index < network_.loops(); ++index)
            total += (network_.loop(index).shard().stats().*counter).read();
        return total;
    };
    using Stats = core::Stats;
    const net::NetworkStats& network = network_.stats();
    json::object answer{
        {"ok", true},
        {"version", DRAWBRIDGE_VERSION},
        {"uptime_s", std::chrono::duration_cast<seconds>(Clock::now() - started_at_).count()},
        {"shards", network_.loops()},
        {"connections", sum(&Stats::connections)},
        {"sessions", sum(&Stats::sessions)},
        {"subscriptions", sum(&Stats::subscriptions)},
        {"messages_in", sum(&Stats::messages_in)},
        {"messages_out", sum(&Stats::messages_out)},
        {"retained_messages", network_.broker().retained().messages()},
        {"retained_bytes", network_.broker().retained().bytes()},
        {"strangers", network_.headcount().count(net::Role::stranger)},
        {"strangers_pushed_out", network.strangers_pushed_out.load()},
        {"connects_refused", sum(&Stats::connects_refused)},
        {"refused_broker_full", network.refused_broker_full.load()},
        {"refused_address_full", network.refused_address_full.load()},
        {"refused_locked_out", network.refused_locked_out.load()},
        {"audit_left_out", audit_.left_out()},
        {"accept_pauses", network.accept_pauses.load()},
        {"services_up", services_.up()},
        {"services_down", services_.down()},
        {"heartbeats_ignored", services_.heartbeats_ignored()},
        {"publishes_denied", sum(&Stats::publishes_denied)},
        {"dropped_slow_receiver", sum(&Stats::dropped_slow)},
        {"dropped_queue_full", sum(&Stats::dropped_queue_full)},
        {"dropped_too_large", sum(&Stats::dropped_too_large)},
        {"dropped_expired", sum(&Stats::dropped_expired)},
        {"dropped_damaged", sum(&Stats::dropped_damaged)},
        {"dropped_denied", sum(&Stats::dropped_denied)},
        {"dropped_no_member", sum(&Stats::dropped_no_member)},
        {"dropped_by_routes", routes_.dropped()},
        {"refused_queue_full", sum(&Stats::refused_queue_full)},
        {"refused_no_space", sum(&Stats::refused_no_space)},
        {"retained_refused", sum(&Stats::retained_refused)},
        {"nats_connections", sum(&Stats::guests)},
        {"nats_cut_off_slow", sum(&Stats::slow_guests)},
        {"bridge_dropped_unmappable", sum(&Stats::unnamed)},
        {"sessions_kept", sum(&Stats::sessions_kept)},
        {"storage", journal_ != nullptr ? to_text(journal_->state()) : "off"}};
    if (journal_ == nullptr) return answer;
    const storage::JournalCounts counts = journal_->counts();
    answer["storage_commits"] = counts.commits;
    answer["storage_rows"] = counts.rows;
    answer["storage_bytes_waiting"] = counts.bytes_waiting;
    answer["storage_commit_us_last"] = counts.commit_us_last;
    answer["storage_commit_us_longest"] = counts.commit_us_longest;
    answer["storage_database_bytes"] = counts.database_bytes;
    answer["storage_log_bytes"] = counts.log_bytes;
    return answer;
}

}  // namespace drawbridge::app
