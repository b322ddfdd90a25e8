#include "broker/app/device_export.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "auth/channel_store.hpp"
#include "auth/device_list.hpp"
#include "auth/psk.hpp"
#include "auth/psk_store.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_lines.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/long_output.hpp"

namespace drawbridge::app {
namespace {

using auth::StoredDevice;
namespace json = boost::json;

class Exporter {
public:
    Exporter(DeviceRegistry& registry, bool with_keys)
        : store_(registry.store()),
          channels_(store_.database()),
          psks_(store_.database()),
          with_keys_(with_keys) {}

    std::string csv_line(const StoredDevice& device) {
        std::string line;
        append_csv(line, device.device_id, true);
        append_csv(line, to_text(device.kind), false);
        append_csv(line, device.tenant, false);
        append_csv(line, device.profile, false);
        append_csv(line, device.name, false);
        append_csv(line, device.enabled ? "true" : "false", false);
        append_csv(line, fmt::format("{}", fmt::join(channels_.channels(device.device_id), ";")),
                   false);
        if (!store_.rules(device.device_id).empty()) ++with_rules_;
        return line + '\n';
    }

    json::object object(const StoredDevice& device) {
        json::object object{
            {"device_id", device.device_id}, {"kind", std::string(to_text(device.kind))},
            {"tenant", device.tenant},       {"profile", device.profile},
            {"name", device.name},           {"enabled", device.enabled}};
        json::array& channels = object["channels"].emplace_array();
        for (const std::string& channel : channels_.channels(device.device_id))
            channels.emplace_back(channel);
        json::array& rules = object["rules"].emplace_array();
        for (const auth::Rule& rule : store_.rules(device.device_id))
            rules.push_back({{"effect", std::string(to_text(rule.effect))},
                             {"operation", std::string(to_text(rule.operation))},
                             {"filter", rule.filter},
                             {"across_tenants", rule.across_tenants}});
        if (!with_keys_) return object;
        json::array& keys = object["keys"].emplace_array();
        for (const auth::StoredKey& key : store_.keys(device.device_id))
            keys.push_back({{"key_id", key.key_id},
                            {"hash", auth::to_hex(key.hash)},
                            {"label", key.label},
                            {"created_at", json_time(key.created_at)},
                            {"expires_at", json_time(key.expires_at)}});
        object["sealed_psk"] = nullptr;
        if (const auto psk = psks_.find(device.device_id))
            object["sealed_psk"] = {{"psk_id", psk->psk_id},
                                    {"sealed", auth::to_hex(psk->sealed)},
                                    {"created_at", json_time(psk->created_at)}};
        return object;
    }

    std::size_t with_rules() const { return with_rules_; }

private:
    auth::DeviceStore& store_;
    auth::ChannelStore channels_;
    auth::PskStore psks_;
    bool with_keys_;
    std::size_t with_rules_ = 0;
};

}  // namespace

void export_devices(const GlobalOptions& options, const ExportDevices& arguments) {
    if (arguments.with_keys && arguments.format == "csv")
        throw CommandFailed("CSV has no room for several keys of a device; use --format jsonl");
    const bool lines = arguments.format == "jsonl" || arguments.with_keys;
    DeviceRegistry registry(options, DeviceRegistry::IfMissing::refuse);
    Exporter exporter(registry, arguments.with_keys);
    // One moment's state: what is committed meanwhile is not seen.
    SQLite::Transaction moment(registry.store().database(), SQLite::TransactionBehavior::DEFERRED);
    const auto print_each = [&](auto print) {
        auth::for_each_device(registry.store().database(), {}, [&](const StoredDevice& device) {
            print(device);
            return true;
        });
    };

    if (options.json) {
        JsonArrayOutput array;
        print_each([&](const StoredDevice& device) { array.add(exporter.object(device)); });
        return array.end();
    }
    LongOutput out;
    if (!lines) out.write(csv_header_of_devices() + '\n');
    print_each([&](const StoredDevice& device) {
        out.write(lines ? json::serialize(exporter.object(device)) + '\n'
                        : exporter.csv_line(device));
    });
    out.flush();
    if (exporter.with_rules() > 0)
        fmt::print(stderr,
                   "{} of them have rules of their own, which CSV cannot hold; --format jsonl "
                   "has them\n",
                   exporter.with_rules());
}

}  // namespace drawbridge::app
