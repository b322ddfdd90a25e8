#include "broker/app/admin_services.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <memory>
#include <vector>

#include "broker/app/rfc3339.hpp"
#include "broker/app/shard_tasks.hpp"

namespace drawbridge::app {

namespace asio = boost::asio;
namespace json = boost::json;

json::object describe(const bridge::Service& service) {
    return {{"name", service.name},
            {"tenant", core::tenant_name(service.tenant)},
            {"status", to_text(service.status)},
            {"since", to_rfc3339(service.since)},
            {"last_seen", to_rfc3339(service.last_seen)},
            {"outages", service.outages}};
}

asio::awaitable<json::object> list_services(net::Network& network,
                                            const bridge::ServiceMonitor& services) {
    std::vector<bridge::Service> all;
    const auto list = [&](core::Shard& shard) {
        if (shard.index() == 0) all = services.list();
    };
    co_await on_every_shard(network, list);
    json::array documents;
    for (const bridge::Service& service : all) documents.push_back(describe(service));
    co_return json::object{{"ok", true}, {"services", std::move(documents)}};
}

asio::awaitable<json::object> forget_service(net::Network& network,
                                             bridge::ServiceMonitor& services, std::string tenant,
                                             std::string name) {
    bool forgotten = false;
    const auto forget = [&](core::Shard& shard) {
        if (shard.index() == 0) forgotten = services.forget(core::tenant_id(tenant), name);
    };
    co_await on_every_shard(network, forget);
    const auto executor = co_await asio::this_coro::executor;
    const auto write = [&](auto handler) {
        auto resume = std::make_shared<decltype(handler)>(std::move(handler));
        services.flush(
            [executor, resume] { asio::post(executor, [resume] { std::move (*resume)(); }); });
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(write,
                                                                         asio::use_awaitable);
    co_return json::object{{"ok", true}, {"forgotten", forgotten}};
}

}  // namespace drawbridge::app
