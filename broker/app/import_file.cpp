#include "broker/app/import_file.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>

#include "auth/refused_change.hpp"
#include "broker/app/command_failed.hpp"
#include "broker/app/command_output.hpp"
#include "broker/app/line_reader.hpp"
#include "broker/app/long_output.hpp"

namespace drawbridge::app {
namespace {

namespace json = boost::json;

// The keys that were made, as they will be printed once everything else is done.
class KeyList {
public:
    enum class Format { csv, lines, array };

    explicit KeyList(Format format) : format_(format) {
        if (format_ == Format::csv) text_ = "device_id,key_id,api_key\n";
    }

    void add(const std::string& device_id, const MadeKey& key) {
        ++size_;
        if (format_ == Format::csv) {  // none of these needs quotes
            text_ += fmt::format("{},{},{}\n", device_id, key.key_id, key.api_key);
            return;
        }
        json::object object{
            {"device_id", device_id}, {"key_id", key.key_id}, {"api_key", key.api_key}};
        if (format_ == Format::array)
            array_.push_back(std::move(object));
        else
            text_ += json::serialize(object) + '\n';
    }

    const std::string& text() const { return text_; }
    json::array& array() { return array_; }
    std::size_t size() const { return size_; }

private:
    Format format_;
    std::string text_;
    json::array array_;
    std::size_t size_ = 0;
};

// The bad lines of a file: the first ones in words, the others counted.
class BadLines {
public:
    void add(std::size_t line_number, const char* what) {
        if (++count_ <= bad_lines_named)
            words_ += fmt::format("\n  line {}: {}", line_number, what);
    }
    bool empty() const { return count_ == 0; }
    [[noreturn]] void refuse(const std::string& file) const {
        std::string more;
        if (count_ > bad_lines_named)
            more = fmt::format("\n  and {} more", count_ - bad_lines_named);
        throw CommandFailed(fmt::format("nothing is imported, because {} {} of {} {} wrong:{}{}",
                                        count_, count_ == 1 ? "line" : "lines", file,
                                        count_ == 1 ? "is" : "are", words_, more));
    }

private:
    std::size_t count_ = 0;
    std::string words_;
};

// Goes to the first line that is not empty, and tells by it whether this is CSV.
bool begins_as_csv(LineReader& reader, const ImportFile& arguments) {
    do {
        if (!reader.next())
            throw CommandFailed(
                "the file is empty; a header line and a line for each device, or a "
                "JSON object in each line, is what is read");
    } while (reader.line().empty());
    if (!arguments.format.empty()) return arguments.format == "csv";
    if (reader.line().starts_with('['))
        throw CommandFailed(
            "this is a JSON array, and JSON lines are read; see drawbridge device "
            "export --format jsonl");
    return !reader.line().starts_with('{');
}

void import_lines(LineReader& reader, const std::optional<CsvDevices>& csv, DeviceImport& import,
                  KeyList& keys, BadLines& bad) {
    do {
        if (reader.line().empty()) continue;
        try {
            const DeviceLine line =
                csv ? csv->device_line(reader.line()) : device_line_of_json(reader.line());
            const std::optional<MadeKey> key = import.take(line, reader.number());
            if (key) keys.add(line.device_id, *key);
        } catch (const BadLine& wrong) {
            bad.add(reader.number(), wrong.what());
        } catch (const auth::RefusedChange& refused) {
            bad.add(reader.number(), refused.what());
        }
    } while (reader.next());
}

// Before the commit: a key that could not be printed must not be one that counts.
void print_keys(const GlobalOptions& options, const ImportFile& arguments, const KeyList& keys) {
    if (options.json || !arguments.options.make_keys) return;
    LongOutput out;
    out.write(keys.text());
    out.flush();
}

void print_totals(const GlobalOptions& options, const ImportFile& arguments,
                  const ImportTotals& totals, KeyList& keys) {
    if (options.json) {
        json::object document{
            {"added", totals.added}, {"changed", totals.changed}, {"unchanged", totals.unchanged}};
        if (arguments.options.make_keys) document["keys"] = std::move(keys.array());
        return print_json(document);
    }
    std::string words = fmt::format("{} added", totals.added);
    if (arguments.options.update)
        words += fmt::format(", {} changed, {} as they were", totals.changed, totals.unchanged);
    if (arguments.options.make_keys) words += fmt::format(", {} keys made", keys.size());
    fmt::print(arguments.options.make_keys ? stderr : stdout, "{}.\n", words);
}

KeyList::Format key_format(const GlobalOptions& options, bool csv) {
    if (options.json) return KeyList::Format::array;
    return csv ? KeyList::Format::csv : KeyList::Format::lines;
}

}  // namespace

void import_devices(const GlobalOptions& options, const ImportFile& arguments) {
    std::ifstream file;
    const bool from_stdin = arguments.file == "-";
    if (!from_stdin) {
        file.open(arguments.file, std::ios::binary);
        if (!file)
            throw CommandFailed(
                fmt::format("{} cannot be read: {}", arguments.file, std::strerror(errno)));
    }
    LineReader reader(from_stdin ? std::cin : file);
    const std::string name = from_stdin ? "stdin" : arguments.file;

    BadLines bad;
    std::optional<CsvDevices> csv;
    const bool is_csv = begins_as_csv(reader, arguments);
    if (is_csv) {
        try {
            csv.emplace(reader.line());
        } catch (const BadLine& wrong) {
            bad.add(reader.number(), wrong.what());
            bad.refuse(name);
        }
    }

    DeviceRegistry registry(options, DeviceRegistry::IfMissing::create);
    KeyList keys(key_format(options, is_csv));
    ImportTotals totals;
    {
        SQLite::Transaction all = registry.store().begin();
        DeviceImport import(registry, arguments.options, WallClock::now());
        if (!csv || reader.next()) import_lines(reader, csv, import, keys, bad);
        if (!bad.empty()) bad.refuse(name);
        totals = import.totals();
        registry.note_change("", "devices imported",
                             fmt::format("{} added, {} changed", totals.added, totals.changed),
                             WallClock::now());
        print_keys(options, arguments, keys);
        all.commit();
    }
    registry.tell_broker();
    print_totals(options, arguments, totals, keys);
}

}  // namespace drawbridge::app
