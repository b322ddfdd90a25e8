// Recovery: reads messages.db at the start, before the shards run.
//
// Rows are handed out one after the other; what is in memory is one session, and where the messages
// of all are. Of messages that wait only a summary is read, their content stays where it is.
// Nothing is changed here: the journal's first transaction forgets what need not be recovered again
// (Journal::start).
// Owner: the app, at the start; one thread.
// Fails: with DatabaseRefused, which says what is damaged and how to go on.
#pragma once

#include <functional>

#include "broker/core/recovery.hpp"
#include "broker/core/text_hash.hpp"
#include "storage/queue_index.hpp"

namespace drawbridge::storage {

class Recovery {
public:
    explicit Recovery(const std::filesystem::path& file);

    // How many shards the last life had; 0: there was none.
    unsigned shards() const { return shards_; }

    // The key of the hash of names in that life, by which sessions had found their shards.
    core::TextHashKey home_key() const { return home_key_; }

    // In the order of their numbers.
    void visit_sessions(const std::function<void(core::RecoveredSession)>& visit);
    // In the order of topics.
    void visit_retained(const std::function<void(core::KeptRetained)>& visit);
    // In the order of the publishing shards, and their turns and places; once for each shard that
    // may have missed it.
    void visit_published(const std::function<void(core::RecoveredPublish)>& visit);

private:
    void read_facts();
    unsigned home_of(std::string_view client_id) const;

    const std::filesystem::path file_;
    SQLite::Database database_;
    unsigned shards_ = 0;
    core::TextHashKey home_key_;
    QueueIndex index_;
    QueueIndex::Summaries summaries_;
};

}  // namespace drawbridge::storage
