// Device lines of an import, CSV and JSON, against themselves: what is read and written again is
// read as the same. Input: a file. A first line that begins with '{' makes it JSON lines.
#include <sstream>
#include <string>

#include "auth/api_key.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/device_lines.hpp"
#include "broker/app/line_reader.hpp"
#include "broker/base/assert.hpp"
#include "broker/base/bytes.hpp"

using namespace drawbridge;
using namespace drawbridge::app;

namespace {

void check_csv_again(std::string_view text) {
    try {
        const std::vector<std::string> fields = split_csv(text);
        std::string line;
        bool first = true;
        for (const std::string& field : fields) {
            append_csv(line, field, first);
            first = false;
        }
        ASSERT(split_csv(line) == fields);
    } catch (const BadLine&) {
    }
}

void check(const DeviceLine& device) {
    ASSERT(!device.device_id.empty());
    ASSERT(!device.key || !device.key->api_key.empty());
    for (const auth::StoredKey& key : device.keys) ASSERT(!key.key_id.empty());
}

void read_all(LineReader& reader) {
    std::optional<CsvDevices> csv;
    std::size_t before = 0;
    while (reader.next()) {
        ASSERT(reader.number() == ++before);
        check_csv_again(reader.line());
        try {
            if (csv)
                check(csv->device_line(reader.line()));
            else if (reader.number() == 1 && !reader.line().starts_with('{'))
                csv.emplace(reader.line());
            else
                check(device_line_of_json(reader.line()));
        } catch (const BadLine& bad) {
            ASSERT(!std::string_view(bad.what()).empty());
        }
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::istringstream in{std::string(as_text({data, size}))};
    LineReader reader(in);
    try {
        read_all(reader);
    } catch (const CommandFailed&) {  // a line that is too long
    }
    return 0;
}
