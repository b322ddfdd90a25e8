#include "broker/app/device_documents.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "auth/channel_store.hpp"
#include "auth/psk_store.hpp"
#include "broker/app/accounts.hpp"
#include "broker/app/cli_throttle.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/live_clients.hpp"
#include "broker/app/long_output.hpp"
#include "broker/app/text_table.hpp"

namespace drawbridge::app {
namespace {

using IfMissing = DeviceRegistry::IfMissing;
using auth::StoredDevice;
namespace json = boost::json;

// Rows that are aligned with each other: a screenful is printed at once, a fleet as it is read.
constexpr std::size_t rows_aligned = 1'000;

// client: its live connection; null if it has none.
json::object describe(const StoredDevice& device, const json::object* client) {
    return {
        {"device_id", device.device_id},
        {"tenant", device.tenant},
        {"profile", device.profile},
        {"name", device.name},
        {"enabled", device.enabled},
        {"connected", client != nullptr},
        {"address", field(client, "address")},
        {"protocol", field(client, "protocol")},
        {"connected_at", field(client, "connected_at")},
        {"presence", "unknown"},
        {"created_at", json_time(device.created_at)},
        {"last_seen", json_time(device.last_seen)},
        {"last_refusal_at", json_time(device.last_refusal_at)},
        {"last_refusal",
         device.last_refusal.empty() ? json::value(nullptr) : json::value(device.last_refusal)},
    };
}

// Prints devices one by one, in the way that was asked for.
class Printer {
public:
    Printer(bool json, bool ids) : json_(json), ids_(ids) {
        if (!json_ && !ids_)
            table_.add(
                {"DEVICE", "TENANT", "PROFILE", "ENABLED", "CONNECTED", "LAST SEEN", "NAME"});
    }

    void print(const StoredDevice& device, const json::object* client) {
        if (json_)
            return array_.add(ids_ ? json::value(device.device_id) : describe(device, client));
        if (ids_) return out_.write(device.device_id + '\n');
        table_.add({device.device_id, device.tenant, device.profile, device.enabled ? "yes" : "no",
                    client != nullptr ? "yes" : "no", text_time(device.last_seen), device.name});
        if (table_.rows() == rows_aligned) out_.write(table_.take());
    }

    void end() {
        if (json_) return array_.end();
        out_.write(table_.take());
        out_.flush();
    }

private:
    bool json_;
    bool ids_;
    JsonArrayOutput array_;
    LongOutput out_;
    TextTable table_;
};

// pressure: as pressure_on() tells it.
void show_for_people(DeviceRegistry& registry, const StoredDevice& device,
                     const json::object* client, const json::object& pressure) {
    TextTable fields;
    fields.add({"device", device.device_id});
    fields.add({"name", device.name});
    fields.add({"tenant", device.tenant});
    fields.add({"profile", device.profile});
    fields.add({"enabled", device.enabled ? "yes" : "no"});
    fields.add({"connected", client == nullptr ? "no"
                                               : fmt::format("since {}, from {}, {}",
                                                             text_field(*client, "connected_at"),
                                                             text_field(*client, "address"),
                                                             text_field(*client, "protocol"))});
    fields.add({"presence", "unknown"});
    fields.add({"created", text_time(device.created_at)});
    fields.add({"last seen", text_time(device.last_seen)});
    fields.add({"last refusal", text_time(device.last_refusal_at) +
                                    (device.last_refusal.empty() ? "" : ": ") +
                                    device.last_refusal});
    if (const json::array* locks = pressure.at("locks").if_array())
        for (const json::value& lock : *locks) fields.add({"locked out", lock_in_words(lock)});
    for (const auth::StoredKey& key : registry.store().keys(device.device_id))
        fields.add({"key", fmt::format("{}, last used {}, expires {}{}", key.key_id,
                                       text_time(key.last_used_at), text_time(key.expires_at),
                                       key.label.empty() ? "" : ", " + key.label)});
    if (const auto psk = auth::PskStore(registry.store().database()).find(device.device_id))
        fields.add(
            {"PSK", fmt::format("{}, last used {}", psk->psk_id, text_time(psk->last_used_at))});
    for (const auth::Rule& rule : registry.store().rules(device.device_id))
        fields.add({"rule", fmt::format("{}: {} {} {}", rule.rule_id, to_text(rule.effect),
                                        to_text(rule.operation), rule.filter)});
    auth::ChannelStore channels(registry.store().database());
    for (const std::string& channel : channels.channels(device.device_id))
        fields.add({"channel", channel});
    fmt::print("{}", fields.text());
}

}  // namespace

void list_devices(const GlobalOptions& options, ListDevices arguments) {
    DeviceRegistry registry(options, IfMissing::refuse);
    arguments.filter.kind = auth::AccountKind::device;
    const LiveClients clients(arguments.ids && !arguments.connected ? json::array()
                                                                    : registry.live_clients());
    Printer printer(options.json, arguments.ids);
    std::size_t printed = 0;
    std::string last;
    bool more = false;
    auth::for_each_device(registry.store().database(), arguments.filter,
                          [&](const StoredDevice& device) {
                              const json::object* client = clients.one_of(device.device_id);
                              if (arguments.connected && client == nullptr) return true;
                              more = arguments.limit && printed == *arguments.limit;
                              if (more) return false;
                              printer.print(device, client);
                              ++printed;
                              last = device.device_id;
                              return true;
                          });
    printer.end();
    if (more && !options.json && !arguments.ids && !last.empty())
        fmt::print(stderr, "there are more; to go on, add: --after {}\n", last);
}

void show_device(const GlobalOptions& options, const std::string& device_id) {
    DeviceRegistry registry(options, IfMissing::refuse);
    const StoredDevice device = get_account(registry, auth::AccountKind::device, device_id);
    const LiveClients clients(registry.live_clients_of(device.device_id));
    const json::object* client = clients.one_of(device.device_id);
    const json::object pressure = pressure_on(options, device.device_id);
    if (!options.json) return show_for_people(registry, device, client, pressure);

    json::object document = describe(device, client);
    for (const auto& [name, value] : pressure) document[name] = value;
    document["keys"] = keys_as_json(registry, device_id);
    document["psk"] = nullptr;
    if (const auto psk = auth::PskStore(registry.store().database()).find(device_id))
        document["psk"] = {{"psk_id", psk->psk_id},
                           {"created_at", json_time(psk->created_at)},
                           {"last_used_at", json_time(psk->last_used_at)}};
    document["rules"] = rules_as_json(registry, device_id);
    json::array& channels = document["channels"].emplace_array();
    auth::ChannelStore store(registry.store().database());
    for (const std::string& channel : store.channels(device_id)) channels.emplace_back(channel);
    print_json(document);
}

}  // namespace drawbridge::app
