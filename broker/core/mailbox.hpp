// Mailbox: how one shard hands work to another.
//
// Threads: post() and full() from any thread; the rest from the owning shard only.
// Order:   mail from one sender arrives in the order it was posted, which keeps each publisher's
// messages in
//          order (MQTT 5.0, section 4.6).
// Limit:   limits::mailbox_bytes_max. post() never drops; a sender that finds full() stops reading
// from its
//          publishers until the owner has caught up.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "broker/core/identity.hpp"
#include "broker/core/publish_batch.hpp"

namespace drawbridge::core {

// News about a member of a share group, for the shard where the group lives.
struct ShareNews {
    enum class Kind : std::uint8_t { joined, left, new_rules, available, busy, away };

    Kind kind = Kind::joined;
    bool retain_as_published = false;
    bool is_guest = false;
    std::uint8_t qos = 0;
    std::uint32_t subscription_id = 0;
    unsigned shard = 0;  // the member's home
    MemberKey member = 0;
    std::string share;
    std::string filter;
    IdentityPtr identity;  // the member's; null unless it joined or has new rules
};

// To a member that left a message of its group unacknowledged: another one has it now.
struct OfferTaken {
    MemberKey member = 0;
    std::uint64_t group = 0;
    std::uint16_t packet_id = 0;
};

// To a sender that asked: somebody has taken the message.
struct Taken {
    MemberKey sender = 0;
    std::uint32_t asks = 0;
};

struct Mail {
    unsigned from = 0;                  // the sender's shard
    std::uint64_t turn = 0;             // the sender's turn, which numbers its batches
    std::uint64_t round = 0;            // likewise, for the sender's keeper
    std::vector<ShareNews> share_news;  // applied before the messages
    PublishBatchPtr published;          // for all who match; null if none
    PublishBatch shared;                // between share groups and their members
    std::vector<OfferTaken> offers_taken;
    bool asks = false;         // the sender wants to hear when this has been taken in
    std::uint64_t heard = 0;   // not 0: the receiver's mail up to this turn has been, with ...
    std::vector<Taken> taken;  // ... these messages of it taken by somebody

    bool is_empty() const {
        return !published && share_news.empty() && shared.empty() && offers_taken.empty() &&
               !asks && heard == 0;
    }
};

class Mailbox {
public:
    // Adds one piece of mail. Returns true if the owner was asleep and must be woken.
    [[nodiscard]] bool post(Mail mail);

    // Replaces mail with everything that has arrived, oldest first.
    void take(std::vector<Mail>& mail);

    // One load: is there anything to take?
    bool has_mail() const { return has_mail_.load(std::memory_order_acquire); }

    // Before the owner sleeps. False: mail has come meanwhile, so it must not.
    bool fall_asleep();
    void wake_up();

    bool full() const { return bytes_.load(std::memory_order_relaxed) > limit_; }

private:
    static std::size_t bytes_of(const Mail& mail);

    mutable std::mutex mutex_;
    std::vector<Mail> waiting_;  // guarded by mutex_
    bool asleep_ = false;        // guarded by mutex_
    std::atomic<bool> has_mail_{false};
    std::atomic<std::size_t> bytes_{0};
    static const std::size_t limit_;
};

}  // namespace drawbridge::core
