// Runs the job of a config.xml with real shells and real git: one request a line on stdin, one answer a line on stdout.
// Steps do what Jenkins' documentation and sources say of them; a step that is missing here fails the run.
import groovy.json.JsonOutput
import groovy.json.JsonSlurper
import java.nio.file.Files
import java.nio.file.LinkOption
import java.nio.file.StandardCopyOption
import org.codehaus.groovy.control.CompilerConfiguration

class Failed extends RuntimeException {
    Failed(String message) { super(message) }
}

class Current {
    String result, description
}

abstract class Job extends Script {
    static final RESULTS = ['SUCCESS', 'UNSTABLE', 'FAILURE', 'NOT_BUILT', 'ABORTED']
    Map given
    File place
    Map base = [:]
    List stages = [], nodes = [], log = [], credentials = [], archived = []
    Current currentBuild = new Current()

    // Parameters and variables of the node; $NAME of another one is filled in, as EnvVars.resolve does.
    Map getEnv() {
        def known = given.params + base
        known.collectEntries { name, value ->
            [name, value.replaceAll(/\$(?:\$|\{(\w+)\}|(\w+))/) { all, braced, plain ->
                all == '$$' ? '$' : (known[braced ?: plain] ?: all)
            }]
        }
    }

    def node(String label, Closure body) {
        nodes << label
        def before = [place, base]
        def root = new File(given.folder, "nodes/$label")
        place = new File(root, 'workspace/JOB')
        def own = [NODE_NAME: given.names[label] ?: label, WORKSPACE: place.path, HOME: new File(root, 'home').path]
        base = base + own + [PATH: given.path, LANG: 'C.UTF-8', BUILD_NUMBER: given.number as String] + given.variables
        new File(own.HOME).mkdirs()
        try { body() } finally { (place, base) = before }
    }

    def stage(String name, Closure body) { stages << name; body() }

    def timeout(Map limit, Closure body) { body() }

    def echo(String text) { log << text }

    def error(String text) { throw new Failed(text) }

    // CatchErrorStep: what is caught changes no result where SUCCESS is asked for.
    def catchError(Map how, Closure body) {
        assert [how.buildResult, how.stageResult, how.catchInterruptions] == ['SUCCESS', 'SUCCESS', false]
        try { body() } catch (Failed failed) { log << "$how.message: $failed.message".toString() }
    }

    def withEnv(List more, Closure body) {
        def before = base
        base = base + more.collectEntries { it.split('=', 2) as List }
        try { body() } finally { base = before }
    }

    def usernamePassword(Map named) { named }

    def withCredentials(List bound, Closure body) {
        def added = bound.collectMany { named ->
            def known = given.credentials[named.credentialsId]
            if (!known) error("Could not find credentials entry with ID '$named.credentialsId'")
            credentials << [named.credentialsId, nodes.last()]
            ["$named.usernameVariable=${known[0]}" as String, "$named.passwordVariable=${known[1]}" as String]
        }
        withEnv(added, body)
    }

    // Of the folder that is current, not of the workspace: WorkspaceList.tempDir.
    String pwd(Map how = [:]) { how.tmp ? place.path + '@tmp' : place.path }

    def dir(String path, Closure body) {
        def before = place
        place = place.toPath().resolve(path).normalize().toFile()
        try { body() } finally { place = before }
    }

    def deleteDir() { remove(place) }

    static void remove(File file) {
        if (Files.isDirectory(file.toPath(), LinkOption.NOFOLLOW_LINKS)) file.listFiles().each { remove(it) }
        Files.deleteIfExists(file.toPath())
    }

    def writeFile(Map what) {
        def target = place.toPath().resolve(what.file).toFile()
        target.parentFile.mkdirs()
        target.setText(what.text, what.encoding)
    }

    def stash(Map what) { copy(new File(place, what.includes), new File(given.folder, "stash/$what.name/$what.includes")) }

    def unstash(String name) { new File(given.folder, "stash/$name").listFiles().each { copy(it, new File(place, it.name)) } }

    def archiveArtifacts(Map what) { archived << what.artifacts; copy(new File(place, what.artifacts), new File(given.folder, "archive/$what.artifacts")) }

    static void copy(File source, File target) {
        target.parentFile.mkdirs()
        Files.copy(source.toPath(), target.toPath(), StandardCopyOption.REPLACE_EXISTING)
    }

    // An empty repository, the one refspec, then the commit: what is not on the branch cannot be checked out.
    def checkout(Map what) {
        def remote = what.userRemoteConfigs[0]
        run(['git', 'init', '--quiet', '.'])
        run(['git', 'fetch', '--quiet', '--no-tags', '--force', '--', remote.url, remote.refspec])
        run(['git', 'checkout', '--quiet', '--force', what.branches[0].name])
    }

    // durable-task: a script with #! is run as it is, another one by sh -xe; the folder is made where it is missing.
    def sh(String script) { sh(script: script) }

    def sh(Map what) {
        def file = File.createTempFile('script', '.sh', new File(given.folder as String))
        file.text = what.script
        def first = what.script.readLines()[0]
        def command = first.startsWith('#!') ? first.substring(2).trim().split(' ') as List : ['sh', '-xe']
        try { return run(command + [file.path], what.returnStdout ?: false) } finally { file.delete() }
    }

    String run(List command, boolean isRead = false) {
        place.mkdirs()
        def builder = new ProcessBuilder(command as String[]).directory(place)
        builder.environment().clear()
        Process process
        try {
            builder.environment().putAll(getEnv())
            process = builder.start()
        } catch (IOException | IllegalArgumentException problem) {
            throw new Failed(problem.message)
        }
        process.outputStream.close()
        def out = new StringBuffer(), err = new StringBuffer()
        process.waitForProcessOutput(out, err)
        log << err.toString()
        if (!isRead) log << out.toString()
        if (process.exitValue() != 0) throw new Failed("script returned exit code ${process.exitValue()}")
        return isRead ? out.toString() : null
    }

    // The worse of what the script set and what the error makes of it: WorkflowRun.setResult.
    Map perform(Map request) {
        given = request
        new File(given.folder as String).mkdirs()
        binding.setVariable('params', given.params)
        binding.setVariable('currentBuild', currentBuild)
        String said = ''
        try {
            run()
        } catch (Failed failed) {
            said = failed.message
        }
        def ends = [currentBuild.result ?: 'SUCCESS', said ? 'FAILURE' : 'SUCCESS']
        [result: ends.max { RESULTS.indexOf(it) }, error: said, stages: stages, nodes: nodes, log: log.join('\n'),
         description: currentBuild.description, credentials: credentials, archived: archived]
    }
}

// As ParametersDefinitionProperty: only what is declared, trimmed where so declared.
Map declared(root, Map sent) {
    root.properties.'hudson.model.ParametersDefinitionProperty'.parameterDefinitions.children().collectEntries {
        String value = sent[it.name.text()] ?: ''
        [it.name.text(), it.trim.text() == 'true' ? value.trim() : value]
    }
}

def configuration = new CompilerConfiguration()
configuration.scriptBaseClass = Job.name
def shell = new GroovyShell(this.class.classLoader, new Binding(), configuration)
def compiled = [:]
def slurper = new JsonSlurper()
System.in.eachLine('UTF-8') { line ->
    def request = slurper.parseText(line)
    def root = new XmlSlurper().parse(new File(request.config as String))
    String text = root.definition.script.text()
    ['registryCredentials', 'webhookCredentials'].each { text = text.replace("$it() { return ''", "$it() { return '${request[it] ?: ''}'") }
    if (!compiled[text]) compiled[text] = shell.parse(text, 'WorkflowScript.groovy').class
    Job job = compiled[text].newInstance()
    job.binding = new Binding()
    def answer = job.perform(request + [params: declared(root, request.params)])
    System.out.write((JsonOutput.toJson(answer) + '\n').getBytes('UTF-8'))
    System.out.flush()
}
