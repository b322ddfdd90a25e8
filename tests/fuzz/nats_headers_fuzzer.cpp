// A header block, as any publisher may send it.
// Checked: nothing is read past; each name is found; fields that the writer takes are the same when
// they are read again.
#include <string>
#include <vector>

#include "bridge/nats_headers.hpp"
#include "broker/base/assert.hpp"
#include "tests/support/exact_bytes.hpp"

using namespace drawbridge;
using namespace drawbridge::bridge;

namespace {

std::vector<HeaderField> fields_of(Bytes block) {
    std::vector<HeaderField> fields;
    HeaderReader reader(block);
    for (HeaderField field; reader.next(field);) fields.push_back(field);
    return fields;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const test::ExactBytes block(Bytes(data, size));
    const HeaderReader reader(block.bytes());
    ASSERT(reader.status().size() + reader.description().size() <= size);

    Buffer out;
    HeaderWriter writer(out);
    std::vector<HeaderField> written;
    for (const HeaderField& field : fields_of(block.bytes())) {
        ASSERT(!field.name.empty());
        ASSERT(find_header(block.bytes(), field.name).has_value());
        if (writer.add(field.name, field.value)) written.push_back(field);
    }
    ASSERT(writer.finish() == out.size());

    const std::vector<HeaderField> again = fields_of(out.bytes());
    ASSERT(again.size() == written.size());
    for (std::size_t i = 0; i < again.size(); ++i)
        ASSERT(again[i].name == written[i].name && again[i].value == written[i].value);
    return 0;
}
