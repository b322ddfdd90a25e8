// Output: what waits to be written to one link, in order: bytes of its own, and between them
// payloads that are large enough to be shared with other links instead of copied.
//
// An empty Output holds no memory. Limit: max_output_bytes, applied by who appends
// messages.
#pragma once

#include <memory>
#include <vector>

#include "broker/base/buffer.hpp"
#include "broker/core/message.hpp"

namespace drawbridge::core {

class Output {
public:
    // For encoders: what they append comes behind all that is there.
    Buffer& bytes() { return bytes_; }

    // Appends the payload of message without copying it.
    void append_payload(const MessagePtr& message);

    std::size_t size() const { return bytes_.size() - taken_ + shared_bytes_; }
    bool empty() const { return size() == 0; }

    // The next pieces in order, at most pieces.size(); returns how many were filled.
    std::size_t peek(std::span<Bytes> pieces) const;
    // Forgets the first `size` bytes. size <= size().
    void take(std::size_t size);
    void clear();

private:
    void compact();

    struct Shared {
        std::size_t before;  // bytes_ up to here come first
        std::size_t taken = 0;
        MessagePtr message;
    };

    Buffer bytes_;
    std::size_t taken_ = 0;         // of bytes_
    std::size_t shared_bytes_ = 0;  // left in shared_
    std::unique_ptr<std::vector<Shared>>
        shared_;  // null while there is none, which is nearly always
};

}  // namespace drawbridge::core
