// MessageStorage: messages.db while the broker runs: what the last life left in it is given to the
// shards, and what is to outlive this one goes there.
//
// Owner: serve(). Threads: the main one; the journal has threads of its own.
#pragma once

#include <filesystem>
#include <memory>

#include "auth/session_owners.hpp"
#include "broker/app/configuration.hpp"
#include "broker/core/broker.hpp"
#include "storage/journal.hpp"

namespace drawbridge::app {

class MessageStorage {
public:
    // Takes over the key of the hash of names from the last life, so that sessions find the shards
    // they had: before any broker is made. Throws storage::DatabaseRefused.
    MessageStorage(const std::filesystem::path& data, const StorageConfiguration& configuration);
    ~MessageStorage();

    // Before the shards run. From now on what happens is kept.
    void recover(core::Broker& broker, auth::SessionOwners& owners);

    const storage::Journal* journal() const { return journal_.get(); }

private:
    const std::filesystem::path file_;
    const StorageConfiguration configuration_;
    std::unique_ptr<storage::Recovery> recovery_;  // until it is done
    std::unique_ptr<storage::Journal> journal_;
};

}  // namespace drawbridge::app
