// OutgoingPublish: one message on its way to its receivers. Encodes each form that is asked for
// once, and makes the copy that waits for acknowledgements once, when somebody needs it.
//
// Lives for one delivery round; borrows the message.
#pragma once

#include <array>
#include <span>

#include "broker/core/message.hpp"
#include "broker/core/output.hpp"
#include "broker/wire/publish_image.hpp"

namespace drawbridge::core {

class OutgoingPublish {
public:
    // receivers: how many are expected; with one, the packet is encoded straight into its output.
    OutgoingPublish(const MessageView& message, TimePoint now, std::size_t receivers);
    // For a message that is kept already.
    OutgoingPublish(MessagePtr message, TimePoint now);

    const MessageView& view() const { return view_; }
    // The counted copy, made at the first call.
    const MessagePtr& message();

    // Bytes of the packet in the form for this receiver.
    std::size_t packet_bytes(wire::Version version, const wire::PublishMarks& marks,
                             std::span<const std::uint32_t> subscription_ids) const;
    void append_to(Output& out, wire::Version version, const wire::PublishMarks& marks,
                   std::span<const std::uint32_t> subscription_ids);

    // What guests make of it, once for all of them, in their protocol. Empty until one of them
    // does.
    Buffer& guest_subject() { return guest_subject_; }
    Buffer& guest_head() { return guest_head_; }

private:
    MessageView view_;
    MessagePtr message_;  // null until somebody needs it
    wire::PublishContent content_;
    bool single_;
    std::array<wire::PublishImage, 4> images_;
    Buffer guest_subject_;
    Buffer guest_head_;
};

}  // namespace drawbridge::core
