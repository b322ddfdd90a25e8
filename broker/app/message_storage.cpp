#include "broker/app/message_storage.hpp"

#include "broker/base/log.hpp"
#include "broker/core/text_hash.hpp"
#include "storage/recovery.hpp"

namespace drawbridge::app {
namespace {

struct Recovered {
    std::size_t sessions = 0;
    std::uint64_t messages = 0;
    std::size_t retained = 0;
    std::size_t without_owner = 0;
};

storage::Sync sync_of(const StorageConfiguration& configuration) {
    switch (configuration.sync) {
        case StorageConfiguration::Sync::full:
            return storage::Sync::full;
        case StorageConfiguration::Sync::normal:
            return storage::Sync::normal;
        case StorageConfiguration::Sync::off:
            break;
    }
    return storage::Sync::off;
}

}  // namespace

MessageStorage::MessageStorage(const std::filesystem::path& data,
                               const StorageConfiguration& configuration)
    : file_(data / "messages.db"), configuration_(configuration), recovery_(file_) {
    if (recovery_.shards() > 0) core::use_text_hash_key(recovery_.home_key());
}

std::unique_ptr<storage::Journal> MessageStorage::recover(core::Broker& broker,
                                                          auth::SessionOwners& owners) {
    storage::JournalOptions options;
    options.file = file_;
    options.shards = broker.shards();
    options.sync = sync_of(configuration_);
    options.free_bytes_min = configuration_.min_free_bytes;
    options.retained_of = [&broker](std::string_view topic) {
        return broker.retained().of_topic(topic);
    };
    auto journal = std::make_unique<storage::Journal>(std::move(options));

    const TimePoint now = Clock::now();
    const auto each_shard = [&](auto act) {
        for (unsigned index = 0; index < broker.shards(); ++index) act(broker.shard(index));
    };
    each_shard([&](core::Shard& shard) {
        shard.keeper().use(*journal, configuration_.sync != StorageConfiguration::Sync::off);
    });
    // Not before all of them have it: in a turn they look at each other.
    each_shard([&](core::Shard& shard) { shard.begin_turn(now); });
    Recovered recovered;
    recovery_.visit_retained([&](core::KeptRetained kept) {
        if (kept.message->view().expired(now))
            return broker.shard(0).keeper().note_retained(kept.message->view().topic,
                                                          core::Keeper::Urgency::lazily);
        ++recovered.retained;
        broker.retained().store(kept.message->view(), {0, 0, kept.publisher}, now);
    });
    recovery_.visit_sessions([&](core::RecoveredSession kept) {
        core::Shard& shard = broker.shard(broker.home_of(kept.session.client_id));
        auto owner = owners.find(kept.session.identity, kept.session.client_id);
        if (owner == nullptr) {
            ++recovered.without_owner;
        } else {
            ++recovered.sessions;
            recovered.messages += kept.queue.messages + kept.sent.size();
        }
        shard.restore(std::move(kept), std::move(owner));
    });
    // Groups have all their members, and are whole, once the shards have heard of each other.
    each_shard([&](core::Shard& shard) { shard.end_turn(); });
    each_shard([&](core::Shard& shard) {
        shard.begin_turn(now);
        shard.take_mail();
    });
    recovery_.visit_published([&](const core::RecoveredPublish& publish) {
        each_shard([&](core::Shard& shard) { shard.publish_again(publish); });
    });
    each_shard([&](core::Shard& shard) {
        shard.end_recovery();
        shard.end_turn();
    });
    journal->start();
    log::info("recovered {} sessions with {} messages, and {} retained messages, in {} ms",
              recovered.sessions, recovered.messages, recovered.retained,
              std::chrono::duration_cast<milliseconds>(Clock::now() - now).count());
    if (recovered.without_owner > 0)
        log::info(
            "{} sessions have ended: their devices are not there any more, or have no "
            "profile",
            recovered.without_owner);
    return journal;
}

}  // namespace drawbridge::app
