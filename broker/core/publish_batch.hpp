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

class PublishBatch {
public:
    // One message of the batch as it is read. receiver != 0: only for that member of a share group,
    // with the options it subscribed with; else for all who match.
    struct Item {
        MessageView message;
        MemberKey receiver = 0;
        std::uint32_t subscription_id = 0;
        std::uint8_t granted_qos = 0;
        bool retain_as_published = false;
        std::uint64_t group = 0;  // the share group it comes from
        bool returned = false;  // handed back: the group is to pick another member than `receiver`
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
