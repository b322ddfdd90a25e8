#include "broker/app/cli_completion.hpp"

#include <fmt/format.h>

#include <memory>
#include <string>

#include "broker/app/completion.hpp"
#include "broker/app/example.hpp"

namespace drawbridge::app {
namespace {

// bash replaces only what stands behind the last : or = of a word, so what is before is cut off.
constexpr const char* bash_script =
    R"bash(# bash completion for drawbridge; made by: drawbridge completion bash
_drawbridge() {
    local line=${COMP_LINE:0:COMP_POINT}
    local word=${line##*[[:space:]]}
    local cut=${word%"${word##*[:=]}"}
    local IFS=$'\n'
    COMPREPLY=($("${COMP_WORDS[0]}" completion words "$line" 2>/dev/null))
    COMPREPLY=("${COMPREPLY[@]#"$cut"}")
}
complete -o default -F _drawbridge drawbridge
)bash";

}  // namespace

void add_completion_commands(CLI::App& app, const GlobalOptions& options) {
    CLI::App* completion =
        app.add_subcommand("completion", "a script that completes commands, options and ids");
    completion->require_subcommand(1)->fallthrough();
    add_examples(completion, {"completion bash"});

    CLI::App* bash = completion->add_subcommand("bash", "prints it, for bash");
    bash->callback([] { fmt::print("{}", bash_script); });
    bash->footer(
        "Examples:\n  source <(drawbridge completion bash)\n"
        "  drawbridge completion bash > /etc/bash_completion.d/drawbridge");

    CLI::App* words = completion->add_subcommand("words", "what may stand next on a command line");
    words->group("");
    const auto line = std::make_shared<std::string>();
    words->add_option("LINE", *line, "the command line up to the cursor")->required();
    words->callback([&app, &options, line] {
        for (const std::string& word : complete_words(app, options, *line))
            fmt::print("{}\n", word);
    });
}

}  // namespace drawbridge::app
