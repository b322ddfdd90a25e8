// MessageStorage: messages.db at the start: what the last life of the broker left in it is given to
// the shards, and what is to outlive this one goes there.
//
// Owner: serve(), while it starts. Threads: the main one.
#pragma once

#include <filesystem>
#include <memory>

#include "auth/session_owners.hpp"
#include "broker/app/configuration.hpp"
#include "broker/core/broker.hpp"
#include "storage/journal.hpp"
#include "storage/recovery.hpp"

namespace drawbridge::app {

class MessageStorage {
public:
    // Goes on with the last life's hash of names, so that sessions find the shards they had: before
    // any broker is made. Throws storage::DatabaseRefused.
    MessageStorage(const std::filesystem::path& data, const StorageConfiguration& configuration);

    // Before the shards run. From now on what happens is kept. The journal asks the broker, so it
    // must go before it, and after the shards have stopped.
    std::unique_ptr<storage::Journal> recover(core::Broker& broker, auth::SessionOwners& owners);

private:
    const std::filesystem::path file_;
    const StorageConfiguration configuration_;
    storage::Recovery recovery_;
};

}  // namespace drawbridge::app
