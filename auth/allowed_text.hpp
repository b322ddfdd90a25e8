// What may be written into the texts that people choose: ids, tenants, names and labels.
//
// Threads: any. Failure: RefusedChange, which says what is wrong with the text and what is right.
#pragma once

#include <string>
#include <string_view>

namespace drawbridge::auth {

// kind: what would have the id, "device" or "service".
void check_id(std::string_view kind, std::string_view id);

// "" is right: no tenant.
void check_tenant(std::string_view tenant);

// what: "name" or "label". At most limits::text_bytes_max of UTF-8 without control characters, so
// that it can be printed in a table and in JSON as it is.
void check_text(std::string_view what, std::string_view text);

// The text as it may be shown in a message: cut off if it is long, and without control characters.
std::string in_message(std::string_view text);

}  // namespace drawbridge::auth
