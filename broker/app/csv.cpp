#include "broker/app/csv.hpp"

namespace drawbridge::app {
namespace {

// Takes a field in quotes off text, which begins with the quote.
std::string take_quoted(std::string_view& text) {
    std::string field;
    text.remove_prefix(1);
    while (true) {
        const std::size_t quote = text.find('"');
        if (quote == std::string_view::npos) throw BadLine("a quote is not closed in this line");
        field += text.substr(0, quote);
        text.remove_prefix(quote + 1);
        if (!text.starts_with('"')) break;
        field += '"';
        text.remove_prefix(1);
    }
    if (!text.empty() && text.front() != ',')
        throw BadLine("behind a closing quote there must be a comma");
    return field;
}

std::string take_plain(std::string_view& text) {
    const std::string field(text.substr(0, text.find(',')));
    if (field.find('"') != std::string::npos)
        throw BadLine("a field with a quote in it must stand in quotes, and the quote be doubled");
    text.remove_prefix(field.size());
    return field;
}

}  // namespace

std::vector<std::string> split_csv(std::string_view line) {
    std::vector<std::string> fields;
    while (true) {
        fields.push_back(line.starts_with('"') ? take_quoted(line) : take_plain(line));
        if (line.empty()) return fields;
        line.remove_prefix(1);  // the comma
    }
}

void append_csv(std::string& line, std::string_view field, bool first) {
    if (!first) line += ',';
    if (field.find_first_of(",\"\r\n") == std::string_view::npos) {
        line += field;
        return;
    }
    line += '"';
    for (const char c : field) line += c == '"' ? std::string("\"\"") : std::string(1, c);
    line += '"';
}

}  // namespace drawbridge::app
