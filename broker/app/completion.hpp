// Completion: what may stand next on a command line of `drawbridge`, for the shell's Tab.
//
// Knows the commands and options by the parser itself, so it is never behind it; ids come from the
// database, at most ids_completed_max of them. Owner: one command.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "broker/app/global_options.hpp"

namespace drawbridge::app {

constexpr std::size_t ids_completed_max = 200;

// line: a command line up to the cursor, with the program's name. Returns whole words, all of which
// begin as the last word of the line does; none if anything fails, because Tab is no place for
// errors.
std::vector<std::string> complete_words(CLI::App& app, GlobalOptions options,
                                        std::string_view line);

// The words of a line as a shell takes it, but for its expansions. The last one may be unfinished
// or empty.
std::vector<std::string> split_command_line(std::string_view line);

}  // namespace drawbridge::app
