#!/bin/bash
# cp, mv, ln and install of GNU coreutils 9.1 and later open a target directory with O_PATH, which the
# sandbox's supervisor cannot hand over (it passes descriptors by SECCOMP_IOCTL_NOTIF_ADDFD, and the
# kernel refuses such ones there). They take the failure for "not a directory". So the name inside the
# directory is spelled out here, one source at a time. "@TOOL@" is replaced when the file is made.
tool=@TOOL@
all=("$@") options=() operands=() target='' plain=''
while (($#)); do
    case $1 in
        --) shift; operands+=("$@"); break ;;
        --target-directory=*) target=${1#*=} ;;
        --target-directory) target=$2; shift ;;
        --no-target-directory | --parents | --directory | --help | --version) plain=1 ;;
        --suffix | --mode | --owner | --group) options+=("$1" "$2"); shift ;;
        --*) options+=("$1") ;;
        -t?*) target=${1#-t} ;;
        -*t) [[ $1 = -t ]] || options+=("${1%t}"); target=$2; shift ;;
        -*T*) plain=1 ;;
        -*[Smog]) if [[ $1 = -*S || $tool = */install ]]; then
                options+=("$1" "$2"); shift
            else
                options+=("$1")
            fi ;;
        -*d*) [[ $tool = */install ]] && plain=1; options+=("$1") ;;
        -*n*) [[ $tool = */ln ]] && nofollow=1; options+=("$1") ;;
        -?*) options+=("$1") ;;
        *) operands+=("$1") ;;
    esac
    shift
done
last=${operands[*]: -1}
if [[ -z $target && ${#operands[@]} -ge 2 && -d $last && ! ( $nofollow && -L $last ) ]]; then
    target=$last
    unset 'operands[-1]'
elif [[ -z $target && ${#operands[@]} -eq 1 && $tool = */ln ]]; then
    target=.
fi
if [[ $plain || -z $target || ! -d $target ]]; then
    exec "$tool" "${all[@]}"
fi
status=0
for source in "${operands[@]}"; do
    name=${source%"${source##*[!/]}"}
    "$tool" "${options[@]}" -T -- "$source" "${target%/}/${name##*/}" || status=1
done
exit $status
