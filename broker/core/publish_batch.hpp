// PublishBatch: all that one turn published, for the other shards, in one piece of memory.
//
// Written by one shard during its turn, then immutable and shared; the last reader frees it. One
// batch crosses threads where single messages would each be freed on a foreign thread.
// Limit: limits::mailbox_bytes_max, applied by the mailbox.
#pragma once

#include <memory>

#include "broker/base/buffer.hpp"
#include "broker/core/message.hpp"

namespace drawbridge::core {

// A member of a share group as the shard of the group knows it: one session on its home shard.
using MemberKey = std::uint64_t;

// Which share group a message was picked for; all zero: none.
struct GroupRef {
    std::uint64_t id = 0;
    unsigned shard = 0;
};

// Whether a member can be given a message now; the better ones first.
enum class MemberState : std::uint8_t {
    available,
    busy,  // its window is full, or it does not read
    away,
};

class PublishBatch {
public:
    // What is to be done with a message of a share group.
    enum class Step : std::uint8_t {
        picked,    // for `receiver`, with the options it subscribed with
        returned,  // `receiver` could not take it: the group picks again
        offered,   // `receiver` went away before it acknowledged: for another, if one can take it
    };
    // One message of the batch as it is read: for all who match, unless a share group is named.
    struct Item {
        MessageView message;
        std::uint64_t group = 0;  // 0: none, and of the following only `receiver` and `asks` hold
        // Without a group: the sender, if `asks` or not `echo`.
        MemberKey receiver = 0;
        // Not 0: the sender wants to hear by this number that somebody has taken it.
        std::uint32_t asks = 0;
        std::uint32_t subscription_id = 0;
        std::uint16_t packet_id = 0;  // offered: what `receiver` knows it by
        std::uint8_t granted_qos = 0;
        MemberKey except = 0;   // of a group: whom it must not pick
        std::uint8_t hops = 0;  // of a group: how often it has been sent back
        bool retain_as_published = false;
        bool echo = true;  // false: groups do not pick the sender
        Step step = Step::picked;
        MemberState believed = MemberState::available;  // picked: what the group knew of `receiver`
    };

    void append(const Item& item);
    bool empty() const { return bytes_.empty(); }
    std::size_t bytes() const { return bytes_.size(); }

    // Calls visit(const Item&) for each message, oldest first.
    template <class Visit>
    void for_each(Visit visit) const {
        std::size_t at = 0;
        Item item;
        while (at < bytes_.size()) {
            at = read(at, item);
            visit(static_cast<const Item&>(item));
        }
    }

private:
    std::size_t read(std::size_t at, Item& item) const;

    Buffer bytes_;
};

// Shared, because every other shard reads the same batch.
using PublishBatchPtr = std::shared_ptr<const PublishBatch>;

}  // namespace drawbridge::core
