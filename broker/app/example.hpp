// Examples: what stands below the options in the --help of a command.
#pragma once

#include <CLI/CLI.hpp>
#include <initializer_list>
#include <string>

namespace drawbridge::app {

// Each line is a command line, without the program's name.
inline void add_examples(CLI::App* command, std::initializer_list<const char*> lines) {
    std::string footer = lines.size() == 1 ? "Example:" : "Examples:";
    for (const char* line : lines) footer += std::string("\n  drawbridge ") + line;
    command->footer(footer);
}

}  // namespace drawbridge::app
