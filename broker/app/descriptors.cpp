#include "broker/app/descriptors.hpp"

#include <sys/resource.h>

#include <algorithm>

namespace drawbridge::app {
namespace {

// Standard streams, databases with their logs, the lock, the admin socket and who asks there, what
// Asio opens, and files that are read now and then: some 20, and as many again.
constexpr std::uint64_t own_descriptors = 64;
constexpr std::uint64_t descriptors_per_shard = 2;  // epoll, eventfd

}  // namespace

DescriptorShares share_descriptors(std::uint64_t granted, const Limits& limits, unsigned shards,
                                   std::size_t listeners) {
    const std::uint64_t own = own_descriptors + descriptors_per_shard * shards + listeners;
    const auto at_most = [](std::uint64_t share, std::uint32_t limit) {
        return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(share, 1, limit));
    };
    DescriptorShares shares;
    shares.wanted = own + limits.max_connections + limits.max_handshakes + limits::farewells_max;
    const std::uint64_t sockets = granted > own ? granted - own : 0;
    shares.sockets = at_most(sockets, UINT32_MAX);
    if (granted >= shares.wanted) {
        shares.clients = limits.max_connections;
        shares.strangers = limits.max_handshakes;
        shares.farewells = limits::farewells_max;
        return shares;
    }
    shares.clients = at_most(sockets * 13 / 16, limits.max_connections);
    const std::uint64_t left = sockets - std::min<std::uint64_t>(sockets, shares.clients);
    shares.strangers = at_most(left * 2 / 3, limits.max_handshakes);
    shares.farewells = at_most(left / 3, limits::farewells_max);
    return shares;
}

std::uint64_t raise_descriptor_limit(std::uint64_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    if (limit.rlim_cur >= wanted) return limit.rlim_cur;
    rlimit raised = limit;
    raised.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted);
    return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace drawbridge::app
