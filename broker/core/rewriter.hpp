// Rewriter: the port through which a message goes out on other topics as well. Implemented by the
// bridge's routes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "broker/core/message.hpp"

namespace drawbridge::core {

struct Rewritten {
    std::string topic;
    bool keeps_retain = false;  // it is retained there, too, if the message is
};

// Shared by all shards; one that is replaced lives until the last shard has let it go.
// Threads: any; immutable.
class Rewriter {
public:
    virtual ~Rewriter() = default;

    // Appends where else the message goes, through however many routes. It is not asked again for
    // what comes of that.
    virtual void rewrite(const MessageView& message, std::vector<Rewritten>& out) const = 0;
};

using RewriterPtr = std::shared_ptr<const Rewriter>;

}  // namespace drawbridge::core
