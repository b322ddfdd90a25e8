// Contest: a newcomer with the client id of a connection that seems to be alive. It waits, unread,
// while the first connection's host is asked for a sign of life, for duplicate_probe at most.
#pragma once

#include <memory>
#include <string>

#include "broker/core/connect_request.hpp"
#include "broker/core/deadlines.hpp"
#include "broker/core/link.hpp"

namespace drawbridge::core {

class Shard;

class Contest final : public Deadline {
public:
    Contest(Shard& home, Link& link, std::unique_ptr<ConnectRequest> connect, TimePoint probe_ends)
        : shard(home), newcomer(link), request(std::move(connect)), until(probe_ends) {}

    ~Contest();

    Shard& shard;
    Link& newcomer;
    std::unique_ptr<ConnectRequest> request;
    const TimePoint until;

private:
    void expired(TimePoint now) override;
};

}  // namespace drawbridge::core
