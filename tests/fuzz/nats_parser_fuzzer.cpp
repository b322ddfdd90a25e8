// The byte stream of a NATS client.
// Input: the low four bits of the first byte tell the largest payload, the rest of it how the
// stream is cut into pieces; then the stream. Checked: nothing is read past; pieces give what the
// whole gives; every operation is the same without what follows it, and incomplete without its end;
// a refusal stays one.
#include <string>

#include "bridge/nats_parser.hpp"
#include "bridge/topic_subject.hpp"
#include "broker/base/assert.hpp"
#include "tests/support/exact_bytes.hpp"

using namespace drawbridge;
using namespace drawbridge::bridge;

namespace {

constexpr std::size_t prefixes_max = 200;

// Of the operation, only its type and size outlive the call.
OperationCut cut(Bytes input, std::size_t payload_max, Operation& operation) {
    const test::ExactBytes exact(input);
    const OperationCut result = cut_operation(exact.bytes(), payload_max, operation);
    if (result == OperationCut::incomplete)
        ASSERT(operation.size == 0 || operation.size > input.size());
    return result;
}

// Everything of an operation but where it is.
std::string told(Bytes input, std::size_t payload_max) {
    const test::ExactBytes exact(input);
    Operation operation;
    ASSERT(cut_operation(exact.bytes(), payload_max, operation) == OperationCut::complete);
    ASSERT(operation.size <= input.size());
    ASSERT(operation.header.size() + operation.payload.size() <= payload_max);
    std::string text = std::to_string(static_cast<int>(operation.type)) + "\n" +
                       std::to_string(operation.size) + "\n" + std::to_string(operation.max);
    for (const std::string_view part :
         {operation.json, operation.subject, operation.reply, operation.queue, operation.sid,
          as_text(operation.header), as_text(operation.payload)}) {
        text += "\n";
        text += part;
    }
    for (const std::string_view word :
         {operation.subject, operation.reply, operation.queue, operation.sid})
        ASSERT(word.find_first_of(" \t\r\n") == std::string_view::npos);
    return text;
}

void check_prefixes(Bytes input, std::size_t size, std::size_t payload_max) {
    ASSERT(told(input, payload_max) == told(input.first(size), payload_max));
    const std::size_t step = 1 + size / prefixes_max;
    Operation operation;
    for (std::size_t left = 0; left < size; left += step)
        ASSERT(cut(input.first(left), payload_max, operation) == OperationCut::incomplete);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::size_t payload_max = std::size_t{1} << (data[0] & 0x0F);
    const std::size_t piece_bytes = 1 + (data[0] >> 4);
    Bytes whole(data + 1, size - 1);
    Operation operation;
    while (!whole.empty()) {
        const OperationCut result = cut(whole, payload_max, operation);
        if (result == OperationCut::complete) {
            const std::size_t operation_bytes = operation.size;
            ASSERT(operation_bytes > 0 && operation_bytes <= whole.size());
            check_prefixes(whole, operation_bytes, payload_max);
            whole = whole.subspan(operation_bytes);
            continue;
        }
        // In pieces: incomplete until the result comes, and no other one comes.
        for (std::size_t left = 0; left < whole.size(); left += piece_bytes) {
            const OperationCut early = cut(whole.first(left), payload_max, operation);
            ASSERT(early == OperationCut::incomplete || early == result);
            if (left > 5'000) break;
        }
        return 0;
    }
    return 0;
}
