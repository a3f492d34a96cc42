package cli

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

type completionCmd struct {
	Shell string `arg:"" enum:"bash,zsh,fish,powershell" help:"bash, zsh, fish or powershell."`
}

// Help is the end of watfiber completion --help.
func (completionCmd) Help() string {
	return `Examples:

    source <(watfiber completion bash)

    watfiber completion fish > ~/.config/fish/completions/watfiber.fish`
}

// Run is watfiber completion.
func (k *completionCmd) Run(c *console) error {
	words := commandWords(c.grammar.Model)
	script := map[string]func([]completion) string{"bash": bashScript, "zsh": zshScript, "fish": fishScript, "powershell": powershellScript}[k.Shell]
	_, err := fmt.Fprint(c.stdout, script(words))
	return err
}

// completion is what can follow the name of a command.
type completion struct {
	command, help string
	flags         []completionFlag
	words         []string // arguments that are one of a few words
}

type completionFlag struct {
	name, help string
	values     []string // the words it takes, if they are few
}

// commandWords collects what there is to complete.
func commandWords(app *kong.Application) []completion {
	var all []completion
	for _, cmd := range app.Children {
		c := completion{command: cmd.Name, help: firstSentence(cmd.Help)}
		for _, group := range cmd.AllFlags(true) {
			for _, f := range group {
				values := enumOf(f.Value)
				if f.Name == "pass-arg" {
					values = acceptedPassArgs()
				}
				c.flags = append(c.flags, completionFlag{f.Name, firstSentence(f.Help), values})
			}
		}
		for _, arg := range cmd.Positional {
			c.words = append(c.words, enumOf(arg)...)
		}
		all = append(all, c)
	}
	return all
}

func enumOf(v *kong.Value) []string {
	if v.Enum == "" {
		return nil
	}
	return strings.Split(v.Enum, ",")
}

func firstSentence(s string) string {
	s, _, _ = strings.Cut(s, ". ")
	return strings.TrimSuffix(s, ".")
}

// names returns the flags of a command as words.
func (c completion) names() string {
	words := make([]string, len(c.flags))
	for i, f := range c.flags {
		words[i] = "--" + f.name
	}
	return strings.Join(append(words, c.words...), " ")
}

func commandNames(all []completion) string {
	words := make([]string, len(all))
	for i, c := range all {
		words[i] = c.command
	}
	return strings.Join(words, " ")
}

func bashScript(all []completion) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# bash completion for watfiber
_watfiber() {
  local cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
  if [[ $COMP_CWORD == 1 ]]; then
    COMPREPLY=($(compgen -W %q -- "$cur"))
    return
  fi
  case $command in
`, commandNames(all)+" --help --color")
	for _, c := range all {
		fmt.Fprintf(&b, "    %s) local words=%q ;;\n", c.command, c.names())
	}
	b.WriteString(`  esac
  if [[ $cur == -* || $command == completion ]]; then
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
  else
    COMPREPLY=($(compgen -f -- "$cur"))
  fi
}
complete -o filenames -F _watfiber watfiber
`)
	return b.String()
}

func zshScript(all []completion) string {
	var b strings.Builder
	b.WriteString("#compdef watfiber\n_watfiber() {\n  if (( CURRENT == 2 )); then\n    local -a commands=(\n")
	for _, c := range all {
		fmt.Fprintf(&b, "      %s\n", quoteShell(c.command+":"+c.help))
	}
	b.WriteString("    )\n    _describe command commands\n    return\n  fi\n  case $words[2] in\n")
	for _, c := range all {
		fmt.Fprintf(&b, "    %s) _arguments", c.command)
		for _, f := range c.flags {
			value := ""
			if len(f.values) > 0 {
				value = ":" + f.name + ":(" + strings.Join(f.values, " ") + ")"
			}
			fmt.Fprintf(&b, " %s", quoteShell("--"+f.name+"["+strings.NewReplacer("[", "(", "]", ")", ":", " -").Replace(f.help)+"]"+value))
		}
		if len(c.words) > 0 {
			fmt.Fprintf(&b, " %s ;;\n", quoteShell("*:word:("+strings.Join(c.words, " ")+")"))
		} else {
			b.WriteString(" '*:file:_files' ;;\n")
		}
	}
	b.WriteString("  esac\n}\ncompdef _watfiber watfiber\n")
	return b.String()
}

func quoteShell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func fishScript(all []completion) string {
	var b strings.Builder
	for _, c := range all {
		fmt.Fprintf(&b, "complete -c watfiber -n __fish_use_subcommand -f -a %s -d %s\n", c.command, quoteShell(c.help))
		seen := quoteShell("__fish_seen_subcommand_from " + c.command)
		for _, f := range c.flags {
			values := ""
			if len(f.values) > 0 {
				values = " -x -a " + quoteShell(strings.Join(f.values, " "))
			}
			fmt.Fprintf(&b, "complete -c watfiber -n %s -l %s -d %s%s\n", seen, f.name, quoteShell(f.help), values)
		}
		if len(c.words) > 0 {
			fmt.Fprintf(&b, "complete -c watfiber -n %s -f -a %s\n", seen, quoteShell(strings.Join(c.words, " ")))
		}
	}
	return b.String()
}

func powershellScript(all []completion) string {
	var b strings.Builder
	b.WriteString("Register-ArgumentCompleter -Native -CommandName watfiber -ScriptBlock {\n  param($word, $line, $position)\n  $words = @{\n")
	for _, c := range all {
		fmt.Fprintf(&b, "    '%s' = '%s'\n", c.command, c.names())
	}
	fmt.Fprintf(&b, `  }
  $parts = $line.CommandElements
  $candidates = '%s'
  if ($parts.Count -gt 2 -or ($parts.Count -eq 2 -and $word -eq '')) { $candidates = $words[$parts[1].Value] }
  $candidates -split ' ' | Where-Object { $_ -like "$word*" } |
    ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}
`, commandNames(all))
	return b.String()
}
