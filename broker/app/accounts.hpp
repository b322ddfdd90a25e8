// What `drawbridge device` and `drawbridge service` have in common: both add, enable, disable,
// change and remove an account, and differ in a few words.
//
// The documents name a device by `device_id`, a service by `name`.
#pragma once

#include <CLI/CLI.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <vector>

#include "auth/account_kind.hpp"
#include "auth/device_store.hpp"
#include "auth/device_update.hpp"
#include "broker/app/device_registry.hpp"
#include "broker/app/global_options.hpp"

namespace drawbridge::app {

struct AddAccount {
    auth::NewDevice account;
    std::vector<std::string> channels;
    bool no_key = false;
};

void add_account(const GlobalOptions& options, const AddAccount& arguments);
void enable_account(const GlobalOptions& options, auth::AccountKind kind, const std::string& id,
                    bool enabled);
void set_account(const GlobalOptions& options, auth::AccountKind kind, const std::string& id,
                 const auth::DeviceUpdate& update);
void remove_account(const GlobalOptions& options, auth::AccountKind kind, const std::string& id);

// --profile and --tenant of `device set` and `service set`; update must outlive the command.
void add_update_options(CLI::App* set, auth::DeviceUpdate& update);

// Throws RefusedChange if there is no such account, or if it is of the other kind; names similar
// ids, or the commands for that kind.
auth::StoredDevice get_account(DeviceRegistry& registry, auth::AccountKind kind,
                               const std::string& id);

// Its keys, without their texts, as an array of documents.
boost::json::array keys_as_json(DeviceRegistry& registry, const std::string& id);
// Its own rules, likewise.
boost::json::array rules_as_json(DeviceRegistry& registry, const std::string& id);

}  // namespace drawbridge::app
