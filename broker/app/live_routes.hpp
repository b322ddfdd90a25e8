// LiveRoutes: the routes of a running broker. Every shard asks the same table; when the
// configuration is read again, each gets the new one.
//
// Owner: serve. Threads: the control thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "bridge/route_table.hpp"
#include "broker/app/configuration.hpp"
#include "broker/net/network.hpp"

namespace drawbridge::app {

class LiveRoutes {
public:
    // Puts the configured routes into effect. The network has not been started yet. file: where
    // reread() looks; empty: there is none.
    LiveRoutes(std::filesystem::path file, const Configuration& configuration,
               net::Network& network);

    // Reads the configuration and its routes_file again. If anything is wrong, the log names it by
    // file and line, and the routes stay what they are. Of the rest nothing is taken over.
    void reread();

    // Results of routes that were dropped since the start, about: those of a table's last moment
    // are missing.
    std::uint64_t dropped() const { return dropped_before_ + table_->dropped(); }

private:
    // Takes effect on each shard between two of its turns.
    void put_into_effect(const Configuration& configuration);
    // Makes the next table.
    core::RewriterPtr make(const Configuration& configuration);

    const std::filesystem::path file_;
    const std::string rest_;  // of the configuration that the broker started with: not its routes
    net::Network& network_;
    std::shared_ptr<const bridge::RouteTable> table_;
    std::uint64_t dropped_before_ = 0;  // by earlier tables
};

}  // namespace drawbridge::app
