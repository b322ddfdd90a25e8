#include "broker/app/device_can.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json/object.hpp>
#include <memory>

#include "auth/acl.hpp"
#include "auth/channel_store.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/base/limits.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::app {
namespace {

using auth::Operation;

core::Decision decide(DeviceRegistry& registry, const std::string& id, const std::string& operation,
                      const std::string& topic) {
    const auth::StoredDevice device = registry.store().get(id);
    if (!device.enabled)
        return {false, fmt::format("denied: the {} is disabled", auth::to_text(device.kind))};
    const auth::DeviceIdentity identity(
        std::make_shared<const auth::Device>(
            auth::Device{device.device_id, device.tenant, registry.profiles().get(device.profile),
                         registry.store().rules(id),
                         auth::ChannelStore(registry.store().database()).channels(id)}),
        auth::ProvedBy::nothing);
    const std::size_t levels_max = Limits().max_topic_levels;
    if (operation == to_text(Operation::publish)) {
        if (!wire::is_topic_name(topic, levels_max))
            throw CommandFailed(
                fmt::format("'{}' is no topic to publish to; name one without + and #", topic));
        return identity.decide(Operation::publish, topic);
    }
    const auto parsed = wire::parse_filter(topic, levels_max);
    if (!parsed)
        throw CommandFailed(fmt::format(
            "'{}' is no topic filter; # must stand alone and last, + alone in its level", topic));
    return identity.decide(Operation::subscribe, parsed->filter);
}

}  // namespace

void can_device(const GlobalOptions& options, const std::string& id, const std::string& operation,
                const std::string& topic) {
    DeviceRegistry registry(options, DeviceRegistry::IfMissing::refuse);
    const core::Decision decision = decide(registry, id, operation, topic);
    if (options.json)
        print_json({{"allowed", decision.allowed}, {"rule", decision.rule}});
    else
        fmt::print("{}\n", decision.rule);
    if (!decision.allowed) throw CLI::RuntimeError(1);
}

}  // namespace drawbridge::app
