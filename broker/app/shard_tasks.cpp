#include "broker/app/shard_tasks.hpp"

#include <atomic>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

namespace drawbridge::app {

namespace asio = boost::asio;

asio::awaitable<void> on_every_shard(net::Network& network,
                                     std::function<void(core::Shard&)> work) {
    const auto executor = co_await asio::this_coro::executor;
    const auto start = [&](auto handler) {
        // Shared by the shards' tasks: the last one done resumes the coroutine.
        struct Round {
            std::atomic<unsigned> left;
            decltype(handler) resume;
        };
        auto round = std::make_shared<Round>(network.loops(), std::move(handler));
        for (unsigned index = 0; index < network.loops(); ++index) {
            net::Loop& loop = network.loop(index);
            loop.post([round, executor, work, &loop] {
                work(loop.shard());
                if (round->left.fetch_sub(1) == 1)
                    asio::post(executor, [round] { std::move(round->resume)(); });
            });
        }
    };
    co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(start,
                                                                         asio::use_awaitable);
}

}  // namespace drawbridge::app
