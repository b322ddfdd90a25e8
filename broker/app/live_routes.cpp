#include "broker/app/live_routes.hpp"

#include <utility>

#include "broker/app/routes.hpp"
#include "broker/base/log.hpp"

namespace drawbridge::app {
namespace {

// Everything that only a start reads, for comparing.
std::string without_routes(Configuration configuration) {
    configuration.routes.clear();
    configuration.bridge = {};
    return write_toml(configuration);
}

}  // namespace

LiveRoutes::LiveRoutes(std::filesystem::path file, const Configuration& configuration,
                       net::Network& network)
    : file_(std::move(file)), rest_(without_routes(configuration)), network_(network) {
    const core::RewriterPtr rewriter = make(configuration);
    for (unsigned index = 0; index < network_.loops(); ++index)
        network_.loop(index).shard().set_rewriter(rewriter);
}

void LiveRoutes::reread() {
    try {
        const Configuration configuration = load_configuration(file_);
        put_into_effect(configuration);
        log::info("routes are read again: {} configured",
                  configuration.routes.size() + configuration.file_routes.size());
        if (without_routes(configuration) != rest_)
            log::info(
                "the configuration file has changed in more than its routes: the rest takes "
                "effect at the next start");
    } catch (const ConfigurationError& error) {
        for (const std::string& mistake : error.mistakes()) log::error("{}", mistake);
        log::error("the routes stay what they are; put that right and send SIGHUP again");
    }
}

void LiveRoutes::put_into_effect(const Configuration& configuration) {
    const core::RewriterPtr rewriter = make(configuration);
    for (unsigned index = 0; index < network_.loops(); ++index) {
        net::Loop& loop = network_.loop(index);
        loop.post([&loop, rewriter] { loop.shard().set_rewriter(rewriter); });
    }
}

core::RewriterPtr LiveRoutes::make(const Configuration& configuration) {
    if (table_) dropped_before_ += table_->dropped();
    table_ = make_route_table(configuration);
    if (table_->routes().empty()) return nullptr;  // so that nobody asks in vain
    return table_;
}

}  // namespace drawbridge::app
