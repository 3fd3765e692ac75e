//! A stand-in for `agy`, which could not be had: a shell script that behaves as others have reported of several
//! versions. None of it was observed.

use super::Sandbox;

/// Which version the stand-in behaves like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agy {
    /// 1.0.0: plain text; the model stands in the settings; the session only in the log.
    First,
    /// 1.2.17: the event stream, flags for model and effort, `AGY_ERROR` and exit code 3.
    Streaming,
}

/// What both can do. `$N` counts invocations; `$S` is a folder for its notes.
const WORDS: &str = r#"
S='@STATE@'
HELD="$HOME/.gemini/antigravity-cli"
ID=8eb5b287-eadb-4fc6-ae08-00000000000
usage() { case $VERSION in
First) cat <<'HELP'
Usage of agy:
  -conversation string
    	Resume a previous conversation by ID
  -dangerously-skip-permissions
    	Auto-approve all tool permission requests
  -log-file string
    	Override CLI log file path
  -p string
    	Run a single prompt non-interactively and print the response
  -print string
    	Run a single prompt non-interactively and print the response
  -print-timeout duration
    	Timeout for print mode wait (default 5m0s)
HELP
;;
*) cat <<'HELP'
Usage of agy:
  --conversation            Resume a previous conversation by ID
  --dangerously-skip-permissions  Auto-approve all tool permission requests
  --disable-slash-commands  Take a prompt that begins with a slash as it is
  --effort                  Reasoning effort: low, medium, high
  --log-file                Override CLI log file path
  --model                   Model for this session
  --output-format           Output of print mode: text, json, stream-json
  --print                   Run a single prompt non-interactively and print the response
  --print-timeout           Timeout for print mode wait, 0 for none
  -p                        Alias for --print
HELP
;; esac; }
wrong() { echo "$1" >&2; usage >&2; exit 2; }
LOG= MODEL= SESSION= PROMPT= FORMAT=text SLASH=on
words="$*"
args() {
while [ $# -gt 0 ]; do
  case $1 in --*) name=${1#--};; -*) name=${1#-};; *) break;; esac
  whole=$name; name=${whole%%=*}
  case $VERSION,$name in
    *,help|*,h) usage; exit 0;;
    *,dangerously-skip-permissions) shift; continue;;
    Streaming,disable-slash-commands) SLASH=off; shift; continue;;
    *,print|*,p|*,print-timeout|*,conversation|*,log-file|Streaming,model|Streaming,effort|Streaming,output-format) ;;
    *) wrong "flag provided but not defined: -$name";;
  esac
  case $whole in *=*) value=${whole#*=};; *) [ $# -gt 1 ] || wrong "flag needs an argument: -$name"; shift; value=$1;; esac
  shift
  case $name in
    print-timeout) case $value in *[hms]) ;; *) wrong "invalid value \"$value\" for flag -print-timeout: parse error";; esac;;
    conversation) SESSION=$value;;
    log-file) LOG=$value;;
    model) MODEL=$value;;
    output-format) FORMAT=$value;;
    # The rest is dropped.
    print|p) PROMPT=$value; break;;
  esac
done
}
case " $words " in *" --help "*|*" -help "*) usage; exit 0;; esac
N=$(( $(cat "$S/n" 2>/dev/null || echo 0) + 1 )); echo $N > "$S/n.new"; mv "$S/n.new" "$S/n"
printf '%s\n' "$@" > "$S/args.$N"
args "$@"
# An open pipe here hangs the real one.
cat > "$S/stdin.$N"
printf '%s' "$PROMPT" > "$S/prompt.$N"
[ -n "$MODEL" ] || MODEL=$(sed -n 's/.*"model": *"\([^"]*\)".*/\1/p' "$HELD/settings.json" 2>/dev/null)
printf '%s' "$MODEL" > "$S/model.$N"
note() { [ -z "$LOG" ] || printf '%s%s 1 %s\n' "$1" "$(date '+%m%d %H:%M:%S.000000')" "$2" >> "$LOG"; }
if [ -n "$SESSION" ] && ! grep -qxF "$SESSION" "$S/conversations" 2>/dev/null; then
  echo "warning: conversation \"$SESSION\" not found" >&2; SESSION=
fi
[ -n "$SESSION" ] || { SESSION=$ID$N; echo "$SESSION" >> "$S/conversations"; }
note I 'printmode.go:100] Print mode: starting'
note I 'auth.go:12] Auth succeeded'
note I "model.go:7] Propagating selected model override to backend: label=\"$MODEL\""
note I "printmode.go:130] Print mode: conversation=$SESSION, sending message"
case $PROMPT in /*) [ $VERSION,$SLASH = Streaming,on ] && { echo "unknown command"; exit 0; };; esac
stream() { [ "$FORMAT" = stream-json ]; }
stream && echo '{"event":"init","conversation_id":"'$SESSION'","init":{"cwd":"/w","tools":["run_command"],"permission_mode":"always-proceed"}}'
step() { echo '{"event":"step_update","step_update":{"conversation_id":"'$SESSION'",'"$1"'}}'; }
tool() { stream && for state in ACTIVE DONE; do step '"step_index":2,"state":"'$state'","step_type":"tool","tool_name":"'"$1"'","tool_info":{"name":"'"$1"'","parameters":{},"output":"secret"}'; done; }
result() { echo '{"event":"result","result":{"conversation_id":"'$SESSION'","status":"'$1'","response":"'"$2"'","duration_seconds":1.5,"num_turns":1,"usage":{"input_tokens":'${TOKENS:-10}',"output_tokens":5,"thinking_tokens":2,"cache_read_tokens":3,"total_tokens":18}'"$3"'}}'; }
answer() { if stream; then step '"step_index":3,"state":"DONE","step_type":"agent_response","text_delta":"'"$1"'"'; result SUCCESS "$1"; else echo "$1"; fi; }
failed() { if stream; then result ERROR '' ',"error":"'"$1"'"'; fi; echo "error: $1" >&2; }
here() { touch "$S/here.$N"; }
await() { while [ ! -e "$S/$1" ]; do sleep 0.02; done; }
"#;

impl Sandbox {
    /// Puts a stand-in for `agy` into PATH.
    pub fn agy(&self, version: Agy, script: &str) {
        let words = WORDS.replace("@STATE@", &self.notes().display().to_string());
        self.program("agy", &format!("VERSION={version:?}\n{words}\n{script}"));
    }
}
