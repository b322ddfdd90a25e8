// MemoryJournal: a journal whose disk is in memory and whose writer is the test, so that it says
// what is on disk when, and what is left when the broker dies.
//
// Applies bundles as the rows say, in one transaction for all that is submitted.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "broker/core/broker.hpp"

namespace drawbridge::test {

class MemoryJournal final : public core::Journal {
public:
    // --- the test's part
    // One transaction: all that has been submitted.
    void commit();
    bool has_uncommitted() const { return !waiting_.empty(); }
    // The process dies: what has not been committed is gone. For a broker with so many shards.
    void die(unsigned shards);
    // Before the start of a broker that has died: gives it back what is on disk.
    void recover(core::Broker& broker, TimePoint now,
                 const std::function<core::IdentityPtr(const std::string&)>& identity_of);
    std::size_t sessions_on_disk() const { return sessions_.size(); }
    std::size_t messages_on_disk() const;
    std::size_t retained_on_disk() const;
    std::size_t messages_written() const { return messages_written_; }
    std::size_t commits() const { return commits_; }

    // Messages of this payload cannot be read back.
    std::optional<std::string> damaged;
    bool is_full = false;
    State is = State::good;
    // Of the broker whose journal this is; its retained store is asked at each commit.
    core::RetainedStore* retained = nullptr;

    // --- core::Journal
    std::uint64_t submit(unsigned shard, std::unique_ptr<core::Bundle> bundle) override;
    std::uint64_t committed(unsigned shard) const override { return committed_.at(shard); }
    std::vector<std::unique_ptr<core::Bundle>> take_back(unsigned) override { return {}; }
    bool full() const override { return is_full; }
    State state() const override { return is; }
    void on_news(unsigned shard, std::function<void()> told) override { told_[shard] = told; }
    void load(unsigned shard, const Load& load) override;
    std::vector<Loaded> loaded(unsigned shard) override;
    core::SessionId draw_session_id() override { return ++last_session_; }

private:
    struct OnDisk {
        core::KeptSession row;
        std::map<std::pair<std::string, std::string>, core::KeptSubscription> subscriptions;
        std::set<std::uint16_t> received;
        std::map<std::uint64_t, core::KeptMessage> messages;
    };
    struct Published {
        unsigned shard = 0;
        core::KeptPublish publish;
    };
    void apply(unsigned shard, const core::Bundle& bundle);
    bool has_seen(unsigned shard, const Published& published) const;

    std::vector<std::pair<unsigned, std::unique_ptr<core::Bundle>>> waiting_;
    std::map<unsigned, std::uint64_t> submitted_;
    mutable std::map<unsigned, std::uint64_t> committed_;
    std::map<unsigned, std::function<void()>> told_;
    std::map<unsigned, std::vector<Loaded>> loaded_;
    std::map<core::SessionId, OnDisk> sessions_;
    std::map<std::string, std::vector<core::KeptRetained>> retained_;
    std::map<unsigned, std::vector<std::uint64_t>> seen_;
    std::vector<Published> published_;
    core::SessionId last_session_ = 0;
    unsigned shards_ = 1;  // of the life before
    std::size_t messages_written_ = 0;
    std::size_t commits_ = 0;
};

}  // namespace drawbridge::test
