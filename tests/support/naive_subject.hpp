// Subjects as the rules tell it, slowly: how a topic is spelled, and what a pattern matches. The
// reference that bridge/topic_subject is compared with.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "broker/wire/utf8.hpp"
#include "tests/support/naive_topic.hpp"

namespace drawbridge::test {

using TokenList = std::vector<std::string>;

inline TokenList tokens_of(std::string_view text) {
    TokenList tokens(1);
    for (const char c : text) {
        if (c == '.')
            tokens.emplace_back();
        else
            tokens.back() += c;
    }
    return tokens;
}

// Tokens that are not empty and hold no white space.
inline bool naive_is_subject(std::string_view text) {
    const TokenList tokens = tokens_of(text);
    return std::all_of(tokens.begin(), tokens.end(), [](const std::string& token) {
        return !token.empty() && token.find_first_of(" \t\r\n\f") == std::string::npos;
    });
}

inline bool naive_is_pattern(std::string_view text) {
    const TokenList tokens = tokens_of(text);
    return naive_is_subject(text) &&
           std::find(tokens.begin(), tokens.end() - 1, ">") == tokens.end() - 1;
}

inline bool naive_tokens_match(std::span<const std::string> pattern,
                               std::span<const std::string> subject) {
    if (pattern.empty() || subject.empty()) return pattern.empty() && subject.empty();
    if (pattern[0] == ">") return true;
    if (pattern[0] != "*" && pattern[0] != subject[0]) return false;
    return naive_tokens_match(pattern.subspan(1), subject.subspan(1));
}

// With the broker's rule that wildcards in front are not for '$'.
inline bool naive_subject_matches(std::string_view pattern, std::string_view subject) {
    const TokenList wanted = tokens_of(pattern);
    if (subject.substr(0, 1) == "$" && (wanted[0] == "*" || wanted[0] == ">")) return false;
    return naive_tokens_match(wanted, tokens_of(subject));
}

// The token of a level; nothing if it has none.
inline std::optional<std::string> naive_token_of(const std::string& level) {
    if (level.empty()) return "/";
    if (level == "*" || level == ">") return std::nullopt;
    if (wire::utf8_fault(level) != wire::Utf8Fault::none) return std::nullopt;
    std::string token;
    unsigned char before = 0;
    for (const char c : level) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_control = byte <= 0x20 || byte == 0x7F || (before == 0xC2 && byte < 0xA0);
        if (is_control || c == '+' || c == '#') return std::nullopt;
        token += c == '.' ? "//" : std::string(1, c);
        before = byte;
    }
    return token;
}

// The subject of an MQTT client's topic; nothing if it has none.
inline std::optional<std::string> naive_subject_of(const std::string& topic) {
    if (topic.empty()) return std::nullopt;
    std::string subject;
    for (const std::string& level : levels_of(topic)) {
        const std::optional<std::string> token = naive_token_of(level);
        if (!token) return std::nullopt;
        subject += (subject.empty() ? "" : ".") + *token;
    }
    return subject;
}

// The topic of which this is the subject; nothing if there is none.
inline std::optional<std::string> naive_topic_of(const std::string& subject) {
    std::string topic;
    bool is_first = true;
    for (const std::string& token : tokens_of(subject)) {
        if (!is_first) topic += '/';
        is_first = false;
        if (token == "/") continue;
        for (std::size_t i = 0; i < token.size(); ++i) {
            const bool is_dot = token.substr(i, 2) == "//";
            topic += is_dot ? '.' : token[i];
            if (is_dot) ++i;
        }
    }
    const std::optional<std::string> back = naive_subject_of(topic);
    return back == subject ? std::optional(topic) : std::nullopt;
}

}  // namespace drawbridge::test
