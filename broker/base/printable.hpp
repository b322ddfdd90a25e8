// Printable: text that strangers have chosen, made fit for a line of a log or of a terminal.
//
// Threads: any.
#pragma once

#include <string>

namespace drawbridge {

// Whatever would begin a new line or command the terminal becomes a question mark.
std::string printable(std::string text);

}  // namespace drawbridge
