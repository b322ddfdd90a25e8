#include "broker/app/device_registry.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "auth/api_key.hpp"
#include "auth/audit_store.hpp"
#include "broker/app/acting_user.hpp"
#include "broker/app/admin_client.hpp"
#include "broker/app/command_failed.hpp"

namespace drawbridge::app {
namespace {

const std::filesystem::path& open_directory(const std::filesystem::path& data,
                                            DeviceRegistry::IfMissing if_missing) {
    std::error_code ignored;
    if (std::filesystem::is_directory(data, ignored)) return data;
    if (if_missing == DeviceRegistry::IfMissing::refuse)
        throw CommandFailed(fmt::format(
            "there is no data directory {}; name the broker's with --data", data.string()));
    if (data.has_parent_path()) std::filesystem::create_directories(data.parent_path(), ignored);
    if (::mkdir(data.c_str(), 0700) != 0 && errno != EEXIST)
        throw CommandFailed(
            fmt::format("the data directory {} cannot be made: {}; name another with --data",
                        data.string(), std::strerror(errno)));
    return data;
}

}  // namespace

DeviceRegistry::DeviceRegistry(const GlobalOptions& options, IfMissing if_missing)
    : data_(open_directory(options.data, if_missing)), store_(data_ / "drawbridge.db") {
    // One that cannot be used is missed where it is named; profile list says what is wrong with it.
    auth::add_own_profiles(profile_store_, profiles_);
}

MadeKey DeviceRegistry::make_key(std::string_view device_id, const std::string& label,
                                 std::optional<WallTime> expires_at, WallTime now) {
    const auth::Secret secret = open_secret();
    MadeKey made;
    made.api_key = auth::make_api_key();
    made.key_id = std::string(auth::key_id_of(made.api_key).value());
    made.expires_at = expires_at;
    store_.add_key(device_id, {.key_id = made.key_id,
                               .hash = auth::KeyHasher(secret).hash(made.api_key),
                               .label = label,
                               .created_at = now,
                               .expires_at = expires_at,
                               .last_used_at = {}});
    return made;
}

auth::Secret DeviceRegistry::open_shared_secret() {
    if (!auth::has_secret(data_))
        throw CommandFailed(fmt::format(
            "the keys in this file are hashed or sealed, which is good with the "
            "secret.key of the broker that they come from; copy that to {} first, with mode 0600",
            data_.string()));
    return open_secret();
}

void DeviceRegistry::note_change(std::string_view device_id, std::string_view subject,
                                 std::string_view details, WallTime now) {
    auth::record_change(store_.database(),
                        {.actor = acting_user(),
                         .device_id = std::string(device_id),
                         .subject = std::string(subject),
                         .details = std::string(details)},
                        now);
}

void DeviceRegistry::tell_broker() const {
    try {
        ask_broker(data_, {{"command", "changed"}});
    } catch (const CommandFailed& failure) {
        fmt::print(stderr, "warning: the change is made, but {}\n", failure.what());
    }
}

boost::json::array DeviceRegistry::live_clients() const {
    return ask_for_clients({{"command", "clients"}});
}

boost::json::array DeviceRegistry::live_clients_of(std::string_view identity) const {
    return ask_for_clients({{"command", "clients"}, {"identity", identity}});
}

boost::json::array DeviceRegistry::ask_for_clients(const boost::json::object& request) const {
    const auto reply = ask_broker(data_, request);
    if (!reply) return {};
    const boost::json::value* clients = reply->if_contains("clients");
    if (clients == nullptr || !clients->is_array())
        throw CommandFailed("the running broker's answer names no clients; is it another version?");
    return clients->get_array();
}

}  // namespace drawbridge::app
